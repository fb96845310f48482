-- orders of the website that the shop does not know, and what was refunded of them
with orders as (

    select web_orders.*
    from {{ ref('web_orders') }} as web_orders
    left join {{ ref('web_orders_in_shop') }} as in_shop on web_orders.order_key = in_shop.order_key
    where in_shop.order_key is null

),

refunds as (

    select
        event_key,
        order_key,
        event_at,
        event_date,
        amount,
        sum(amount) over (
            partition by order_key
            order by event_at, event_key
            rows between unbounded preceding and current row
        ) as refunded_so_far
    from {{ ref('web_refunds') }}
    where refund_status = 'counted'

),

changes as (

    select
        order_key,
        order_key as change_key,
        'ordered' as action,
        ordered_at as occurred_at,
        order_date as activity_date,
        revenue as value
    from orders

    union all

    select
        orders.order_key,
        refunds.event_key as change_key,
        case
            when refunds.refunded_so_far >= orders.revenue - 0.005 then 'refunded'
            else 'partly_refunded'
        end as action,
        refunds.event_at as occurred_at,
        refunds.event_date as activity_date,
        -refunds.amount as value
    from refunds
    inner join orders on refunds.order_key = orders.order_key

),

final as (

    select
        {{ surrogate_key(["'web order'", 'changes.change_key', 'changes.action']) }} as activity_id,
        orders.person_id,
        orders.device_id,
        changes.occurred_at,
        changes.activity_date,
        {{ order_of_micros(micros_of('changes.occurred_at')) }} as activity_order,
        'ga4' as source,
        changes.action,
        'order' as object_type,
        coalesce(orders.order_id, orders.order_key) as object_id,
        cast(null as string) as object_name,
        changes.value,
        orders.currency,
        orders.session_key,
        orders.channel_group,
        orders.campaign
    from changes
    inner join orders on changes.order_key = orders.order_key

)

select * from final
