-- each application as it stands: the last thing that became of it,
-- by the moment at which it happened
with outcomes as (

    select
        outcomes.application_key,
        outcomes.application_id,
        outcomes.line_id,
        activities.person_id,
        outcomes.product,
        outcomes.status,
        outcomes.meaning,
        outcomes.reason,
        outcomes.branch_id,
        outcomes.outcomes_of_status,
        outcomes.fulfilled,
        outcomes.occurred_at,
        row_number() over (
            partition by outcomes.application_key
            order by outcomes.occurred_at desc, outcomes.outcome_id desc, outcomes.status desc
        ) as recency
    from {{ ref('outcomes') }} as outcomes
    inner join {{ ref('activities') }} as activities
        on outcomes.outcome_key = activities.activity_id

),

applications as (

    select
        object_id as application_id,
        min(object_type) as product,
        min(person_id) as person_id,
        min(occurred_at) as applied_at
    from {{ ref('activities') }}
    where action in ({{ text_literals(actions_meeting('application')) }}) and object_id is not null
    group by object_id

),

latest as (

    select
        application_key,
        max(application_id) as application_id,
        max(line_id) as line_id,
        max(person_id) as person_id,
        max(product) as product,
        max(case when recency = 1 then status end) as status,
        max(case when recency = 1 then meaning end) as meaning,
        max(case when recency = 1 then reason end) as reason,
        max(case when recency = 1 then branch_id end) as branch_id,
        sum(fulfilled) > 0 as is_fulfilled,
        count(*) as outcomes,
        max(outcomes_of_status) as outcomes_of_one_status,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from outcomes
    group by application_key

),

unreported as (

    select applications.*
    from applications
    left join latest on applications.application_id = latest.application_id
    where latest.application_key is null

),

-- an application of the website that nobody has reported on is open since it was sent
with_applications as (

    select
        latest.*,
        applications.applied_at,
        least(coalesce(applications.applied_at, latest.first_at), latest.first_at) as began_at
    from latest
    left join applications on latest.application_id = applications.application_id

    union all

    select
        {{ surrogate_key(["'application'", 'application_id', 'product', 'cast(null as string)']) }}
            as application_key,
        application_id,
        cast(null as string) as line_id,
        person_id,
        product,
        'applied' as status,
        'open' as meaning,
        cast(null as string) as reason,
        cast(null as string) as branch_id,
        false as is_fulfilled,
        0 as outcomes,
        0 as outcomes_of_one_status,
        applied_at as first_at,
        applied_at as last_at,
        applied_at,
        applied_at as began_at
    from unreported

),

final as (

    select
        application_key,
        application_id,
        line_id,
        person_id,
        product,
        status,
        meaning,
        reason,
        branch_id,
        coalesce(is_fulfilled, false) as is_fulfilled,
        outcomes,
        outcomes_of_one_status,
        case when application_id is null then 1 else count(*) over (partition by application_id) end
            as lines,
        case when person_id is not null then count(*) over (partition by person_id, product) end
            as applications_of_person,
        applied_at,
        first_at,
        last_at,
        {{ days_between(local_date('began_at'), as_of_day()) }} as age_days,
        {{ days_between(local_date('last_at'), as_of_day()) }} as days_in_status
    from with_applications

)

select * from final
