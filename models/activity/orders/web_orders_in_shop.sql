-- which orders of the website the shop knows too: such an order counts once, as the shop's
with web_orders as (

    select order_key, order_id, ordered_at, revenue, currency, session_key, channel_group, campaign
    from {{ ref('web_orders') }}

),

shop_orders as (

    select order_id, lower(order_id) as order_number, ordered_at, amount, currency
    from {{ ref('stg_shop__orders') }}
    where ordered_at is not null

),

by_number as (

    select web_orders.order_key, shop_orders.order_id as shop_order_id
    from web_orders
    inner join shop_orders on lower(web_orders.order_id) = shop_orders.order_number

),

-- an order without a number meets the one of the same amount within minutes that no number has met:
-- the nearest, and each only once
near as (

    select
        web_orders.order_key,
        shop_orders.order_id as shop_order_id,
        abs({{ seconds_between('web_orders.ordered_at', 'shop_orders.ordered_at') }})
            as seconds_apart
    from web_orders
    inner join shop_orders
        on web_orders.revenue = shop_orders.amount
        and web_orders.currency = shop_orders.currency
    where
        web_orders.order_id is null
        and abs({{ seconds_between('web_orders.ordered_at', 'shop_orders.ordered_at') }})
        <= 60 * {{ var('same_order_minutes') }}
        and shop_orders.order_id not in (select shop_order_id from by_number)

),

nearest as (

    select
        *,
        row_number() over (partition by order_key order by seconds_apart, shop_order_id)
            as place_of_web,
        row_number() over (partition by shop_order_id order by seconds_apart, order_key)
            as place_of_shop
    from near

),

met as (

    select order_key, shop_order_id, 'number' as met_by
    from by_number

    union all

    select order_key, shop_order_id, 'amount_and_time' as met_by
    from nearest
    where place_of_web = 1 and place_of_shop = 1

),

-- a report without a number that follows one of the same amount in its session is of the same order
repeated as (

    select web_orders.order_key, others.shop_order_id, 'repeated' as met_by
    from web_orders
    inner join (
        select met.shop_order_id, first_reports.*
        from met
        inner join web_orders as first_reports on met.order_key = first_reports.order_key
    ) as others
        on web_orders.session_key = others.session_key
        and web_orders.revenue = others.revenue
        and web_orders.currency = others.currency
    where
        web_orders.order_id is null
        and web_orders.order_key not in (select order_key from met)
        and abs({{ seconds_between('web_orders.ordered_at', 'others.ordered_at') }})
        <= 60 * {{ var('same_order_minutes') }}

),

all_met as (

    select * from met
    union all
    select * from repeated

),

final as (

    select
        all_met.order_key,
        all_met.shop_order_id,
        all_met.met_by,
        web_orders.ordered_at,
        web_orders.session_key,
        web_orders.channel_group,
        web_orders.campaign
    from all_met
    inner join web_orders on all_met.order_key = web_orders.order_key
    qualify row_number() over (partition by all_met.order_key order by all_met.shop_order_id) = 1

)

select * from final
