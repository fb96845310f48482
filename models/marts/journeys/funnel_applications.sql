-- which application an entry is about:
-- that of the last of its steps that is an activity of an application
with outcomes as (

    select outcome_key, application_key
    from {{ ref('outcomes') }}

),

applications as (

    select application_key, application_id, product
    from {{ ref('outcome_latest') }}
    where application_id is not null

),

activities as (

    select activity_id, source, subject_id, action, object_type, object_id, occurred_at
    from {{ ref('activities') }}
    where
        subject_id is not null
        and (source = 'offline' or action in ({{ text_literals(actions_meeting('application')) }}))

),

moments as (

    select
        activities.subject_id,
        activities.occurred_at,
        outcomes.application_key,
        true as is_of_product
    from activities
    inner join outcomes on activities.activity_id = outcomes.outcome_key

    union all

    select
        activities.subject_id,
        activities.occurred_at,
        applications.application_key,
        coalesce(activities.object_type = applications.product, false) as is_of_product
    from activities
    inner join applications on activities.object_id = applications.application_id
    where activities.source <> 'offline'

),

steps as (

    select entry_key, subject_id, step_number, reached_at
    from {{ ref('funnel_steps') }}

),

-- one number may stand for several lines or products
ranked as (

    select
        steps.entry_key,
        moments.application_key,
        row_number() over (
            partition by steps.entry_key
            order by steps.step_number desc, moments.is_of_product desc, moments.application_key
        ) as place
    from steps
    inner join moments
        on steps.subject_id = moments.subject_id
        and steps.reached_at = moments.occurred_at

),

final as (

    select entry_key, application_key
    from ranked
    where place = 1

)

select * from final
