{{ config(tags=['clock']) }}

-- what customers sum and what they leave out is every order that stands,
-- each at the newest rate up to its day
with orders as (

    select
        orders.order_id, orders.amount, orders.currency,
        {{ local_date('orders.ordered_at') }} as order_date
    from {{ ref('stg_shop__orders') }} as orders
    inner join {{ ref('record_persons') }} as persons
        on orders.order_id = persons.record_id
        and persons.source = 'shop'
    where
        orders.status = 'paid'
        and orders.ordered_at <= {{ as_of() }}
        and persons.person_id is not null

),

rates as (

    select
        upper(trim(from_currency)) as currency,
        {{ safe_cast_as('rate_date', 'date') }} as rate_date,
        {{ safe_cast_as('rate', float64()) }} as rate
    from {{ list_of('fx_rates') }}
    where upper(trim(to_currency)) = {{ reporting_currency() }}

    union all

    select {{ reporting_currency() }} as currency, date '0001-01-01' as rate_date, 1 as rate

),

priced as (

    select
        orders.order_id,
        orders.amount,
        case
            when orders.currency = {{ reporting_currency() }} then 1
            when {{ date_plus('rates.rate_date', var('fx_rate_max_age_days')) }}
                >= orders.order_date
                then rates.rate
        end as rate
    from orders
    left join rates
        on orders.currency = rates.currency
        and orders.order_date >= rates.rate_date
    qualify row_number() over (partition by orders.order_id order by rates.rate_date desc) = 1

),

expected as (

    select
        coalesce(sum(amount * rate), 0) as amount,
        count(case when rate is null and amount <> 0 then 1 end) as left_out
    from priced

),

summed as (

    select
        coalesce(sum(total_order_amount), 0) as amount,
        coalesce(sum(orders_without_rate), 0) as left_out
    from {{ ref('customers') }}

)

select
    expected.amount, summed.amount as summed_amount,
    expected.left_out, summed.left_out as summed_left_out
from expected
cross join summed
where
    abs(expected.amount - summed.amount) > 0.005 + 1e-9 * abs(expected.amount)
    or expected.left_out <> summed.left_out
