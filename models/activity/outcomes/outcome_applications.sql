-- which application an outcome is about:
-- the one that it names, else the person's nearest open one of the product
with outcomes as (

    select outcome_id, application_id, product, occurred_at
    from {{ ref('stg_offline__outcomes') }}

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'offline'

),

sent as (

    select
        object_id as application_id,
        {{ first_by('object_type', 'activity_order') }} as product,
        {{ first_by('person_id', 'activity_order') }} as person_id,
        {{ first_by('session_key', 'activity_order') }} as session_key,
        min(occurred_at) as sent_at
    from {{ ref('web_activities') }}
    where action in ({{ text_literals(actions_meeting('application')) }}) and object_id is not null
    group by object_id

),

-- an application is open for outcomes without a number as long as no outcome has its number
open_ones as (

    select sent.*
    from sent
    left join (select distinct application_id from outcomes) as named
        on sent.application_id = named.application_id
    where named.application_id is null and sent.person_id is not null

),

candidates as (

    select
        outcomes.outcome_id,
        open_ones.application_id,
        open_ones.person_id,
        open_ones.session_key,
        open_ones.sent_at,
        lead(open_ones.sent_at) over nearest_first as next_sent_at,
        row_number() over nearest_first as place
    from outcomes
    inner join persons on outcomes.outcome_id = persons.record_id
    inner join open_ones
        on persons.person_id = open_ones.person_id
        and outcomes.product = open_ones.product
        and outcomes.occurred_at >= open_ones.sent_at
        and outcomes.occurred_at
        < {{ timestamp_plus('open_ones.sent_at', var('outcome_application_days'), 'day') }}
    where outcomes.application_id is null
    window nearest_first as (
        partition by outcomes.outcome_id order by open_ones.sent_at desc, open_ones.application_id
    )

),

-- another one that was sent shortly before the nearest could be meant as well
nearest as (

    select
        *,
        coalesce(
            sent_at
            < {{ timestamp_plus('next_sent_at', var('outcome_application_apart_days'), 'day') }},
            false
        ) as is_ambiguous
    from candidates
    where place = 1

),

final as (

    select
        outcomes.outcome_id,
        case
            when outcomes.application_id is not null then outcomes.application_id
            when not nearest.is_ambiguous then nearest.application_id
        end as application_id,
        case
            when outcomes.application_id is not null then 'number'
            when nearest.is_ambiguous then 'ambiguous'
            when nearest.application_id is not null then 'person and product'
        end as rule,
        case
            when outcomes.application_id is not null then sent.session_key
            when not nearest.is_ambiguous then nearest.session_key
        end as session_key,
        case
            when outcomes.application_id is not null then sent.person_id
            when not nearest.is_ambiguous then nearest.person_id
        end as person_id
    from outcomes
    left join sent on outcomes.application_id = sent.application_id
    left join nearest on outcomes.outcome_id = nearest.outcome_id

)

select * from final
