{%- set specs = audience_specs() -%}

with candidates as (

    select audience, person_id, matched_activities, last_matched_at, rule_version
    from {{ ref('audience_candidates') }}
    where person_id is not null

),

contactability as (

    select person_id, channel, purpose, reason
    from {{ ref('contactability') }}

),

-- the channels on which an audience may be spoken to, any of them
audience_channels as (

    {% for name, spec in specs.items() -%}
    {%- set last_audience = loop.last -%}
    {% for channel in spec.consent.channels -%}
    select '{{ name }}' as audience, '{{ channel }}' as channel, '{{ spec.consent.purpose }}' as purpose
    {{ 'union all' if not (last_audience and loop.last) }}
    {% endfor -%}
    {% else -%}
    select '' as audience, '' as channel, '' as purpose
    {% endfor %}

),

judged as (

    select
        candidates.audience,
        candidates.person_id,
        count(case when contactability.reason = 'allowed' then 1 end) as allowed,
        count(case when contactability.reason = 'no_address' then 1 end) as without_address,
        count(case when contactability.reason = 'withdrawn' then 1 end) as withdrawn
    from candidates
    inner join audience_channels on candidates.audience = audience_channels.audience
    left join contactability
        on candidates.person_id = contactability.person_id
        and audience_channels.channel = contactability.channel
        and audience_channels.purpose = contactability.purpose
    group by candidates.audience, candidates.person_id

),

final as (

    select
        candidates.audience,
        candidates.person_id,
        candidates.matched_activities,
        candidates.last_matched_at,
        judged.allowed > 0 as is_contactable,
        case
            when judged.allowed > 0 then 'allowed'
            when judged.without_address > 0 then 'no_address'
            when judged.withdrawn > 0 then 'withdrawn'
            else 'no_consent'
        end as contact_reason,
        candidates.rule_version
    from candidates
    inner join judged
        on candidates.audience = judged.audience
        and candidates.person_id = judged.person_id

)

select * from final
