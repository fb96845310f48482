-- what became of each application, status by status, and what that brought or took back
with reported as (

    select
        versions.outcome_id,
        coalesce(versions.application_id, matched.application_id) as application_id,
        versions.line_id,
        versions.branch_id,
        versions.product,
        versions.status,
        versions.meaning,
        versions.value,
        versions.currency,
        versions.reason,
        versions.occurred_at,
        persons.person_id,
        coalesce(persons.person_id, versions.outcome_id) as applicant_key,
        case when versions.value <> 0 then versions.currency end as value_currency,
        {{ fx_rate('versions') }} as fx_rate
    from {{ ref('stg_offline__outcome_versions') }} as versions
    left join {{ ref('record_persons') }} as persons
        on versions.outcome_id = persons.record_id
        and persons.source = 'offline'
    left join {{ ref('outcome_applications') }} as matched
        on versions.outcome_id = matched.outcome_id
    {{ join_fx_rates('versions', local_date('versions.occurred_at')) }}
    where versions.occurred_at is not null and not versions.is_superseded

),

-- without an application's number, its own or a matched one, the outcomes of one person and product
-- are one application, until it is over and something opens anew
compared as (

    select
        *,
        meaning = 'open'
        and lag(meaning) over (
            partition by application_id, applicant_key, product, line_id
            order by occurred_at, outcome_id, status
        ) in ('won', 'lost', 'reversed', 'churned') as opens_anew
    from reported

),

numbered as (

    select
        *,
        case
            when application_id is null then count(case when opens_anew then 1 end) over (
                partition by application_id, applicant_key, product, line_id
                order by occurred_at, outcome_id, status
                rows between unbounded preceding and current row
            )
        end as application_number
    from compared

),

with_application as (

    select
        *,
        case
            when application_id is not null
                then {{ surrogate_key(["'application'", 'application_id', 'product', 'line_id']) }}
            else {{ surrogate_key(
                ["'applicant'", 'applicant_key', 'product', 'line_id', 'application_number']
            ) }}
        end as application_key,
        meaning in ('lost', 'reversed') and value is null as takes_back
    from numbered

),

-- an application is fulfilled from the first thing that was won until it is lost or reversed;
-- who ends a contract later (churned) takes nothing back
with_state as (

    select
        *,
        coalesce(
            last_value(
                case when meaning in ('won', 'lost', 'reversed') then meaning end ignore nulls
            )
                over up_to_here = 'won',
            false
        ) as was_won,
        count(case when takes_back then 1 end) over up_to_here as withdrawals_before
    from with_application
    window up_to_here as (
        partition by application_key
        order by occurred_at, outcome_id, status
        rows between unbounded preceding and 1 preceding
    )

),

-- what is lost or reversed without saying for how much takes back what its application had brought
brought as (

    select
        *,
        sum(value) over since_then as brought_value,
        sum({{ converted('value') }}) over since_then as brought_converted,
        min(value_currency) over since_then as brought_currency,
        min(value_currency) over since_then < max(value_currency) over since_then
            as is_of_several_currencies
    from with_state
    window since_then as (
        partition by application_key, withdrawals_before
        order by occurred_at, outcome_id, status
        rows between unbounded preceding and 1 preceding
    )

),

-- in the currency in which it was brought; where that was more than one, in the project's
final as (

    select
        {{ surrogate_key(["'offline'", 'outcome_id', 'status']) }} as outcome_key,
        outcome_id,
        application_key,
        application_id,
        line_id,
        person_id,
        branch_id,
        product,
        status,
        case
            when meaning = 'lost' and was_won then 'reversed'
            when meaning = 'reversed' and not was_won then 'lost'
            else meaning
        end as meaning,
        case
            when meaning = 'won' and not was_won then 1
            when meaning in ('lost', 'reversed') and was_won then -1
        end as fulfilled,
        case
            when not takes_back then value
            when is_of_several_currencies then -nullif(brought_converted, 0)
            else -nullif(brought_value, 0)
        end as value,
        case
            when not takes_back or brought_currency is null then currency
            when is_of_several_currencies then {{ reporting_currency() }}
            else brought_currency
        end as currency,
        reason,
        count(*) over (partition by application_key, status) as outcomes_of_status,
        occurred_at
    from brought

)

select * from final
