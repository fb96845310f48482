{#
    Audiences whose list must not begin: (audience, reason). list_too_small: the list has fewer
    persons than `least_size` of the sync, or than the platform needs. sensitive_name: the name
    suggests what platforms forbid (seed sensitive_list_words), and `reviewed_names` of the sync
    does not have it.

    A list that has members at the platform goes on, so that members can leave it.
#}
{% macro sync_lists_held_back(members, platform) -%}
{%- set rule = madang.sync_rule() -%}
{%- set least = rule.get('least_size')
    or {'google': 100, 'meta': 100, 'kakao': 1000, 'naver': 1000}.get(platform, 1) -%}
    select
        lists.audience,
        case
            when sensitive.audience is not null then 'sensitive_name'
            when lists.persons < {{ least }} then 'list_too_small'
        end as reason
    from (
        select
            audience,
            count(distinct case when held_back_reason is null then person_id end) as persons
        from {{ members }}
        group by audience
    ) as lists
    left join (
        select distinct names.audience
        from (select distinct audience from {{ members }}) as names
        inner join {{ madang.list_of('sensitive_list_words') }} as words
            on strpos(concat('_', names.audience), concat('_', words.word)) > 0
        where names.audience not in ({{ madang.text_literals(rule.get('reviewed_names') or ['']) }})
    ) as sensitive on lists.audience = sensitive.audience
    left join (
        select distinct held.field
        from ({{ madang.sync_last_sent() }}) as held
        where held.is_there
    ) as begun on lists.audience = begun.field
    where begun.field is null
{%- endmacro %}


{#
    The rows of a sync whose members are match keys: one row per key and audience. Several persons
    of an audience may share an address. A no of one of them holds the key back.
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
        {{ madang.sync_held_back('permits', 'match_keys.match_key', 'no_match_key') }}
            as held_back_reason
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
