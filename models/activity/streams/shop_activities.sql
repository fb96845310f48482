with orders as (

    select order_id, status, amount, currency, ordered_at, updated_at
    from {{ ref('stg_shop__orders') }}
    where ordered_at is not null

),

persons as (

    select record_id, person_id
    from {{ ref('record_persons') }}
    where source = 'shop'

),

-- the session in which an order was placed, where the website reported it too
order_sessions as (

    select
        shop_order_id as order_id,
        {{ first_by('session_key', 'ordered_at') }} as session_key,
        {{ first_by('channel_group', 'ordered_at') }} as channel_group,
        {{ first_by('campaign', 'ordered_at') }} as campaign
    from {{ ref('web_orders_in_shop') }}
    group by shop_order_id

),

changes as (

    select order_id, 'ordered' as action, ordered_at as occurred_at, amount as value, currency
    from orders

    union all

    select
        order_id,
        case status when 'refunded' then 'refunded' else 'order_cancelled' end as action,
        updated_at as occurred_at,
        -amount as value,
        currency
    from orders
    where status in ('refunded', 'cancelled')

),

final as (

    select
        {{ surrogate_key(["'shop'", 'changes.order_id', 'changes.action']) }} as activity_id,
        persons.person_id,
        cast(null as string) as device_id,
        changes.occurred_at,
        {{ local_date('changes.occurred_at') }} as activity_date,
        {{ order_of_micros(micros_of('changes.occurred_at')) }} as activity_order,
        'shop' as source,
        changes.action,
        'order' as object_type,
        changes.order_id as object_id,
        cast(null as string) as object_name,
        changes.value,
        changes.currency,
        order_sessions.session_key,
        order_sessions.channel_group,
        order_sessions.campaign
    from changes
    left join persons on changes.order_id = persons.record_id
    left join order_sessions on changes.order_id = order_sessions.order_id

)

select * from final
