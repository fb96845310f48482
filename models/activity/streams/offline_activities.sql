with outcomes as (

    select outcome_id, application_id, branch_id, product, status, value, currency, occurred_at
    from {{ ref('stg_offline__outcomes') }}
    where occurred_at is not null

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'offline'

),

-- who sent an application online is whom its outcome is about, and its session is where the outcome came from
applications as (

    select
        object_id as application_id,
        {{ first_by('person_id', 'activity_order') }} as person_id,
        {{ first_by('device_id', 'activity_order') }} as device_id,
        {{ first_by('session_key', 'activity_order') }} as session_key,
        {{ first_by('channel_group', 'activity_order') }} as channel_group,
        {{ first_by('campaign', 'activity_order') }} as campaign
    from {{ ref('web_activities') }}
    where action = 'completed_application' and object_id is not null
    group by object_id

),

final as (

    select
        {{ surrogate_key(["'offline'", 'outcomes.outcome_id']) }} as activity_id,
        coalesce(applications.person_id, persons.person_id) as person_id,
        applications.device_id,
        outcomes.occurred_at,
        {{ local_date('outcomes.occurred_at') }} as activity_date,
        {{ micros_of('outcomes.occurred_at') }} * 1000 as activity_order,
        'offline' as source,
        outcomes.status as action,
        outcomes.product as object_type,
        outcomes.application_id as object_id,
        outcomes.branch_id as object_name,
        outcomes.value,
        outcomes.currency,
        applications.session_key,
        applications.channel_group,
        applications.campaign
    from outcomes
    left join applications on outcomes.application_id = applications.application_id
    left join persons on outcomes.outcome_id = persons.record_id

)

select * from final
