with outcomes as (

    select
        outcomes.outcome_id,
        coalesce(outcomes.application_id, matched.application_id) as application_id,
        outcomes.branch_id,
        outcomes.product,
        outcomes.status,
        outcomes.value,
        outcomes.currency,
        outcomes.occurred_at,
        outcomes.status in ('cancelled', 'reversed')
        and outcomes.value is null
        and coalesce(outcomes.application_id, matched.application_id) is not null as takes_back,
        case when outcomes.value <> 0 then outcomes.currency end as value_currency,
        {{ fx_rate('outcomes') }} as fx_rate
    from {{ ref('stg_offline__outcomes') }} as outcomes
    left join {{ ref('outcome_applications') }} as matched on outcomes.outcome_id = matched.outcome_id
    {{ join_fx_rates('outcomes', local_date('outcomes.occurred_at')) }}
    where outcomes.occurred_at is not null

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

brought as (

    select
        *,
        sum(value) over since_then as brought_value,
        sum({{ converted('value') }}) over since_then as brought_converted,
        min(value_currency) over since_then as brought_currency,
        min(value_currency) over since_then < max(value_currency) over since_then as is_of_several_currencies
    from with_withdrawals
    window since_then as (
        partition by application_id, withdrawals_before
        order by occurred_at, outcome_id
        rows between unbounded preceding and 1 preceding
    )

),

-- in the currency in which it was brought; where that was more than one, in the project's
valued as (

    select
        * replace (
            case
                when not takes_back or brought_currency is null then currency
                when is_of_several_currencies then {{ reporting_currency() }}
                else brought_currency
            end as currency
        ),
        case
            when not takes_back then value
            when is_of_several_currencies then -nullif(brought_converted, 0)
            else -nullif(brought_value, 0)
        end as net_value
    from brought

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
    where action in ({{ text_literals(actions_meeting('application')) }}) and object_id is not null
    group by object_id

),

final as (

    select
        {{ surrogate_key(["'offline'", 'valued.outcome_id']) }} as activity_id,
        coalesce(applications.person_id, persons.person_id) as person_id,
        applications.device_id,
        valued.occurred_at,
        {{ local_date('valued.occurred_at') }} as activity_date,
        {{ order_of_micros(micros_of('valued.occurred_at')) }} as activity_order,
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
