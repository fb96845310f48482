with entries as (

    select
        funnel,
        person_id,
        state,
        entered_at,
        row_number() over (partition by funnel, person_id order by entered_at desc, entry_key)
            as recency
    from {{ ref('funnel_entries') }}
    where person_id is not null

),

states as (

    select person_id, 'stage' as kind, journey as name, stage as state, entered_at as since
    from {{ ref('person_stages') }}
    where left_at is null

    union all

    select person_id, 'funnel' as kind, funnel as name, state, entered_at as since
    from entries
    where recency = 1

    union all

    select
        person_id, 'tier' as kind, 'tier' as name, tier as state, cast(null as timestamp) as since
    from {{ ref('customers') }}
    where tier is not null

    union all

    select person_id, 'score' as kind, model as name, band as state, as_of as since
    from {{ ref('scores') }}

    union all

    select
        person_id, 'rfm' as kind, 'rfm' as name,
        rfm_group as state, cast(null as timestamp) as since
    from {{ ref('customer_rfm') }}

    union all

    select
        person_id, 'audience' as kind, audience as name,
        'candidate' as state, cast(null as timestamp) as since
    from {{ ref('audience_candidates') }}
    where person_id is not null

),

final as (

    select
        person_id,
        kind,
        name,
        state,
        since
    from states

)

select * from final
