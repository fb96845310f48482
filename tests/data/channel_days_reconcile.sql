-- every figure of the page is the sum of the stream on its day:
-- nothing is left out, and nothing counted twice
with streamed as (

    select
        activity_date,
        count(case when action = 'ordered' then 1 end) as orders,
        count(case when action in ('refunded', 'order_cancelled') then 1 end) as orders_taken_back,
        coalesce(sum(fulfilled), 0) as net_fulfilled
    from {{ ref('activities') }}
    group by activity_date

),

-- an application counts on the first day on which its number was reported
applied as (

    select activity_date, count(*) as applications
    from (
        select object_type, object_id, min(activity_date) as activity_date
        from {{ ref('activities') }}
        where action = 'completed_application'
        group by object_type, object_id, case when object_id is null then activity_id end
    ) as numbers
    group by activity_date

),

days as (

    select
        activity_date,
        sum(applications) as applications,
        sum(orders) as orders,
        sum(orders_taken_back) as orders_taken_back,
        sum(fulfilled) - sum(fulfilled_taken_back) as net_fulfilled
    from {{ ref('channel_days') }}
    group by activity_date

),

by_day as (

    select
        coalesce(days.activity_date, streamed.activity_date) as activity_date,
        coalesce(days.applications, 0) - coalesce(applied.applications, 0) as applications,
        coalesce(days.orders, 0) - coalesce(streamed.orders, 0) as orders,
        coalesce(days.orders_taken_back, 0) - coalesce(streamed.orders_taken_back, 0)
            as orders_taken_back,
        coalesce(days.net_fulfilled, 0) - coalesce(streamed.net_fulfilled, 0) as net_fulfilled
    from days
    full outer join streamed on days.activity_date = streamed.activity_date
    left join applied
        on coalesce(days.activity_date, streamed.activity_date) = applied.activity_date

),

-- in the project's currency, where every amount has its rate
amounts as (

    select
        coalesce(sum(value), 0) as streamed,
        (select coalesce(sum(net_order_amount), 0) from {{ ref('channel_days') }}) as summed
    from {{ ref('activities') }}
    where
        action in ('ordered', 'refunded', 'partly_refunded', 'order_cancelled')
        and currency = {{ reporting_currency() }}

),

rates as (

    select count(*) > 0 as has_rates
    from {{ list_of('fx_rates') }}

)

select activity_date, applications, orders, orders_taken_back, net_fulfilled
from by_day
where applications <> 0 or orders <> 0 or orders_taken_back <> 0 or net_fulfilled <> 0

union all

select
    cast(null as date) as activity_date, 0 as applications,
    0 as orders, 0 as orders_taken_back, 0 as net_fulfilled
from amounts
cross join rates
where not rates.has_rates and abs(streamed - summed) > 0.005 + 1e-9 * abs(streamed)
