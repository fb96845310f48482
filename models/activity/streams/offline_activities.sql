with outcomes as (

    select
        outcome_id,
        application_id,
        branch_id,
        product,
        status,
        value,
        currency,
        occurred_at,
        status in ('cancelled', 'reversed') and value is null and application_id is not null as takes_back
    from {{ ref('stg_offline__outcomes') }}
    where occurred_at is not null

),

-- what is cancelled or reversed without saying for how much takes back what its application had brought
with_withdrawals as (

    select
        *,
        count(case when takes_back then 1 end) over up_to_here as withdrawals_before
    from outcomes
    window up_to_here as (
        partition by application_id
        order by occurred_at, outcome_id
        rows between unbounded preceding and 1 preceding
    )

),

valued as (

    select
        *,
        case
            when takes_back then -nullif(sum(value) over since_then, 0)
            else value
        end as net_value
    from with_withdrawals
    window since_then as (
        partition by application_id, withdrawals_before
        order by occurred_at, outcome_id
        rows between unbounded preceding and 1 preceding
    )

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
        {{ surrogate_key(["'offline'", 'valued.outcome_id']) }} as activity_id,
        coalesce(applications.person_id, persons.person_id) as person_id,
        applications.device_id,
        valued.occurred_at,
        {{ local_date('valued.occurred_at') }} as activity_date,
        {{ micros_of('valued.occurred_at') }} * 1000 as activity_order,
        'offline' as source,
        valued.status as action,
        valued.product as object_type,
        valued.application_id as object_id,
        valued.branch_id as object_name,
        valued.net_value as value,
        valued.currency,
        applications.session_key,
        applications.channel_group,
        applications.campaign
    from valued
    left join applications on valued.application_id = applications.application_id
    left join persons on valued.outcome_id = persons.record_id

)

select * from final
