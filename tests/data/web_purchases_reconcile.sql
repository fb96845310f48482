-- per day and currency: revenue as exported = counted + left out;
-- what counts, less what its refunds take back, is the net of the orders
with exported as (

    select
        property_id,
        event_date,
        currency,
        count(*) as events,
        sum(coalesce(purchase_revenue, 0)) as revenue
    from {{ ref('ga4_purchases') }}
    where event_name = 'purchase'
    group by property_id, event_date, currency

),

classified as (

    select
        property_id,
        event_date,
        currency,
        count(*) as events,
        count(case when order_status = 'counted' then 1 end) as orders,
        sum(case when order_status = 'counted' then coalesce(revenue, 0) else 0 end) as counted,
        sum(case when order_status <> 'counted' then coalesce(revenue, 0) else 0 end) as left_out
    from {{ ref('web_purchases') }}
    group by property_id, event_date, currency

),

refunded as (

    select
        purchases.property_id,
        purchases.event_date,
        purchases.currency,
        sum(refunds.amount) as amount
    from {{ ref('web_refunds') }} as refunds
    inner join {{ ref('web_purchases') }} as purchases
        on refunds.order_key = purchases.order_key and purchases.order_status = 'counted'
    group by purchases.property_id, purchases.event_date, purchases.currency

),

ordered as (

    select
        property_id,
        order_date as event_date,
        currency,
        count(*) as orders,
        sum(revenue) as revenue,
        sum(refunded_amount) as refunded,
        sum(net_revenue) as net
    from {{ ref('web_orders') }}
    group by property_id, order_date, currency

)

select
    coalesce(exported.property_id, classified.property_id) as property_id,
    coalesce(exported.event_date, classified.event_date) as event_date,
    coalesce(exported.currency, classified.currency) as currency,
    exported.revenue,
    classified.counted,
    classified.left_out,
    refunded.amount,
    ordered.net
from exported
full outer join classified
    on exported.property_id = classified.property_id
    and exported.event_date = classified.event_date
    and exported.currency = classified.currency
left join refunded
    on classified.property_id = refunded.property_id
    and classified.event_date = refunded.event_date
    and classified.currency = refunded.currency
left join ordered
    on classified.property_id = ordered.property_id
    and classified.event_date = ordered.event_date
    and classified.currency = ordered.currency
where
    coalesce(exported.events, 0) <> coalesce(classified.events, 0)
    or abs(coalesce(exported.revenue, 0) - classified.counted - classified.left_out) > 0.005
    or classified.orders <> coalesce(ordered.orders, 0)
    or abs(classified.counted - coalesce(ordered.revenue, 0)) > 0.005
    or abs(coalesce(refunded.amount, 0) - coalesce(ordered.refunded, 0)) > 0.005
    or abs(coalesce(ordered.net, 0) - classified.counted + coalesce(refunded.amount, 0)) > 0.005
