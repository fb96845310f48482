-- what became of applications away from the website,
-- in the session of the online application where there was one
with outcomes as (

    select *
    from {{ ref('outcomes') }}

),

-- who sent an application online is whom its outcome is about,
-- and its session is where the outcome came from
applications as (

    select
        object_id as application_id,
        {{ first_by('person_id', 'activity_order') }} as person_id,
        {{ first_by('device_id', 'activity_order') }} as device_id,
        {{ first_by('session_key', 'activity_order') }} as session_key,
        {{ first_by('channel_group', 'activity_order') }} as channel_group,
        {{ first_by('campaign', 'activity_order') }} as campaign
    from {{ ref('web_activities') }}
    where action in ({{ text_literals(actions_meeting('application')) }}) and object_id is not null
    group by object_id

),

final as (

    select
        outcomes.outcome_key as activity_id,
        coalesce(applications.person_id, outcomes.person_id) as person_id,
        applications.device_id,
        outcomes.occurred_at,
        {{ local_date('outcomes.occurred_at') }} as activity_date,
        {{ order_of_micros(micros_of('outcomes.occurred_at')) }} as activity_order,
        'offline' as source,
        case when outcomes.meaning = 'unknown' then 'outcome_unknown' else outcomes.status end
            as action,
        outcomes.product as object_type,
        outcomes.application_id as object_id,
        outcomes.branch_id as object_name,
        outcomes.value,
        outcomes.currency,
        outcomes.fulfilled,
        outcomes.reason,
        applications.session_key,
        applications.channel_group,
        applications.campaign
    from outcomes
    left join applications on outcomes.application_id = applications.application_id

)

select * from final
