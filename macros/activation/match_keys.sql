{#
    What an advertising platform finds people by: the SHA-256 of the e-mail address and of the telephone number, as email:<hash> and phone:<hash>. The spelling
    is the platform's own. Only one of them where the sync names an `identifier`. Of each person the address and the number in `contacts`. Nothing that can be
    read leaves the warehouse.
#}
{% macro ad_match_keys(platform, of_conversions=false) -%}
    {%- set identifier = none if of_conversions else madang.sync_rule().get('identifier') -%}
    select
        person_id,
        case field
            when 'email' then concat('email:', {{ madang.platform_hash(platform, 'email', 'field_value', of_conversions) }})
            else concat('phone:', {{ madang.platform_hash(platform, 'phone', 'field_value', of_conversions) }})
        end as match_key
    from {{ ref('customer_values') }}
    where field in ({{ madang.text_literals([identifier] if identifier else ['email', 'phone']) }}) and is_chosen
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


{#
    Why the lists of audiences must not begin: (audience, reason). list_too_small: under `least_size` persons of the sync, or what the platform uses lists from.
    sensitive_name: the name suggests what platforms forbid to aim at (seed sensitive_list_words), and the sync does not say that somebody reviewed it. A list that the
    ledger has members on goes on: who leaves must be able to.
#}
{% macro sync_lists_held_back(members, platform) -%}
{%- set rule = madang.sync_rule() -%}
{%- set least = rule.get('least_size') or {'google': 100, 'meta': 100, 'kakao': 1000, 'naver': 1000}.get(platform, 1) -%}
    select
        lists.audience,
        case
            when lists.is_sensitive = 1 then 'sensitive_name'
            when lists.persons < {{ least }} then 'list_too_small'
        end as reason
    from (
        select
            members.audience,
            count(distinct case when members.held_back_reason is null then members.person_id end) as persons,
            max(case when words.word is not null then 1 else 0 end) as is_sensitive
        from {{ members }} as members
        left join {{ madang.list_of('sensitive_list_words') }} as words
            on strpos(concat('_', members.audience), concat('_', words.word)) > 0
            and members.audience not in ({{ madang.text_literals(rule.get('reviewed_names') or ['']) }})
        group by members.audience
    ) as lists
    left join (
        select distinct held.field
        from ({{ madang.sync_last_sent() }}) as held
        where held.is_there
    ) as begun on lists.audience = begun.field
    where begun.field is null
{%- endmacro %}


{#
    The rows of a sync whose members are match keys: one a key and audience. Where several persons of an audience have one address, a single no among them holds it
    back.
#}
{% macro sync_ad_members(platform) -%}
with permits as (

    {{ madang.sync_permits() }}

),

match_keys as (

    {{ madang.ad_match_keys(platform) }}

),

members as (

    select
        permits.person_id,
        permits.audience,
        permits.channel,
        permits.purpose,
        match_keys.match_key as sync_key,
        permits.audience as field,
        'true' as value,
        {{ madang.sync_held_back('permits', 'match_keys.match_key', 'no_match_key') }} as held_back_reason
    from permits
    left join match_keys on permits.person_id = match_keys.person_id

),

lists_held_back as (

    {{ madang.sync_lists_held_back('members', platform) }}

),

allowed as (

    select
        members.person_id,
        members.audience,
        members.channel,
        members.purpose,
        members.sync_key,
        members.field,
        members.value,
        coalesce(members.held_back_reason, lists_held_back.reason) as held_back_reason
    from members
    left join lists_held_back on members.audience = lists_held_back.audience

),

final as (

    {{ madang.sync_no_wins('allowed', 'audience, coalesce(sync_key, person_id)', 'person_id') }}

)

select * from final
{%- endmacro %}
