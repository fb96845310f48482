{#
    The keys by which an advertising platform finds people: email:<hash> and phone:<hash>, both
    SHA-256. A sync with an `identifier` uses only that kind. Only the chosen address and number of
    each person are used. Nothing readable leaves the warehouse.
#}
{% macro ad_match_keys(platform, of_conversions=false) -%}
    {%- set identifier = none if of_conversions else madang.sync_rule().get('identifier') -%}
    select
        person_id,
        case field
            when 'email'
                then concat(
                    'email:',
                    {{ madang.platform_hash(platform, 'email', 'field_value', of_conversions) }}
                )
            else concat(
                'phone:',
                {{ madang.platform_hash(platform, 'phone', 'field_value', of_conversions) }}
            )
        end as match_key
    from {{ ref('customer_values') }}
    where
        field in ({{ madang.text_literals([identifier] if identifier else ['email', 'phone']) }})
        and is_chosen
{%- endmacro %}


{#
    The hash that a platform makes of an address or a number. Both are normalised already
    (`normalize_email`, `normalize_phone`: +8210…). Google removes dots and the +tag from Gmail
    addresses. Meta removes the + of a number. OpenAI does so in conversions, but not in audiences.
    TikTok changes nothing.
#}
{% macro platform_hash(platform, field, value, of_conversions=false) -%}
    {%- if platform == 'google' and field == 'email' -%}
    coalesce({{ madang.hash_by_google(value) }}, {{ madang.sha256_hex(value) }})
    {%- elif field == 'phone'
        and (platform == 'meta' or (platform == 'openai' and of_conversions)) -%}
    {{ madang.hash_by_meta(value) }}
    {%- else -%}
    {{ madang.sha256_hex(value) }}
    {%- endif -%}
{%- endmacro %}
