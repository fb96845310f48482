-- what changed in each month: who came in, and who said yes or no
with states as (

    select
        person_id, channel, purpose, state_number, valid_from,
        is_open, was_open, coalesce(via, source) as asked_by
    from {{ ref('consent_states') }}

),

policy as (

    select channel, purpose
    from {{ list_of('consent_policy') }}

),

first_states as (

    select person_id, min(valid_from) as first_at
    from states
    group by person_id

),

-- who said something before the CRM or a visit knows of them was there by then
joined as (

    select
        customers.person_id,
        case
            when customers.customer_no is not null
                then {{ month_before(
                    local_date('coalesce(customers.registered_at, customers.first_seen_at)'), 0
                ) }}
        end as cohort_month,
        least(
            coalesce(
                customers.registered_at,
                customers.first_seen_at,
                first_states.first_at,
                {{ as_of() }}
            ),
            coalesce(
                first_states.first_at,
                customers.registered_at,
                customers.first_seen_at,
                {{ as_of() }}
            )
        ) as joined_at
    from {{ ref('customers') }} as customers
    left join first_states on customers.person_id = first_states.person_id

),

first_asked as (

    select person_id, channel, purpose, asked_by, valid_from
    from states
    where state_number = 1

),

-- what changes a count: somebody comes in as one who was never asked, is asked, says yes, says no
changes as (

    select
        joined.cohort_month,
        policy.channel,
        policy.purpose,
        '(never asked)' as asked_by,
        joined.joined_at as changed_at,
        1 as people,
        0 as granted,
        0 as withdrawn
    from joined
    cross join policy

    union all

    select
        joined.cohort_month,
        first_asked.channel,
        first_asked.purpose,
        '(never asked)' as asked_by,
        first_asked.valid_from as changed_at,
        0 - 1 as people,
        0 as granted,
        0 as withdrawn
    from first_asked
    inner join joined on first_asked.person_id = joined.person_id

    union all

    select
        joined.cohort_month,
        first_asked.channel,
        first_asked.purpose,
        first_asked.asked_by,
        first_asked.valid_from as changed_at,
        1 as people,
        0 as granted,
        0 as withdrawn
    from first_asked
    inner join joined on first_asked.person_id = joined.person_id

    union all

    select
        joined.cohort_month,
        states.channel,
        states.purpose,
        first_asked.asked_by,
        states.valid_from as changed_at,
        0 as people,
        case when states.is_open then 1 else 0 end as granted,
        case when states.is_open then 0 else 1 end as withdrawn
    from states
    inner join joined on states.person_id = joined.person_id
    inner join first_asked
        on states.person_id = first_asked.person_id
        and states.channel = first_asked.channel
        and states.purpose = first_asked.purpose
    where states.is_open <> states.was_open

),

final as (

    select
        channel,
        purpose,
        cohort_month,
        asked_by,
        {{ month_before(local_date('changed_at'), 0) }} as month,
        cast(sum(people) as int64) as people,
        cast(sum(granted) as int64) as granted,
        cast(sum(withdrawn) as int64) as withdrawn
    from changes
    where changed_at <= {{ as_of() }}
    group by
        channel, purpose, cohort_month, asked_by, {{ month_before(local_date('changed_at'), 0) }}

)

select * from final
