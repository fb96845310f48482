{#
    What an advertising platform finds people by: the SHA-256 of the e-mail address and of the telephone number, as email:<hash> and phone:<hash>. The spelling
    is the platform's own. Only one of them where the sync names an `identifier`. Of each person the address and the number in `customers`. Nothing that can be
    read leaves the warehouse.
#}
{% macro ad_match_keys(platform, of_conversions=false) -%}
    select
        person_id,
        case field
            when 'email' then concat('email:', {{ madang.platform_hash(platform, 'email', 'field_value', of_conversions) }})
            else concat('phone:', {{ madang.platform_hash(platform, 'phone', 'field_value', of_conversions) }})
        end as match_key
    from {{ ref('customer_values') }}
    where field in ({{ madang.text_literals([madang.sync_rule().identifier] if madang.sync_rule().get('identifier') else ['email', 'phone']) }}) and is_chosen
{%- endmacro %}


{#
    The hash that a platform makes of an address or a number. Both are normalised already (`normalize_email`, `normalize_phone`: +8210…).
    Google takes the dots and the +tag out of Gmail's addresses, Meta the + off a number, as OpenAI does in conversions and not in audiences. TikTok takes both as they are.
#}
{% macro platform_hash(platform, field, value, of_conversions=false) -%}
    {%- if platform == 'google' and field == 'email' -%}
    coalesce({{ madang.hash_by_google(value) }}, {{ madang.sha256_hex(value) }})
    {%- elif field == 'phone' and (platform == 'meta' or (platform == 'openai' and of_conversions)) -%}
    {{ madang.hash_by_meta(value) }}
    {%- else -%}
    {{ madang.sha256_hex(value) }}
    {%- endif -%}
{%- endmacro %}
