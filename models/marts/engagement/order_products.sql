-- the products of each order, where the website reported its items; the shop's files name none
with purchases as (

    select event_key, order_key
    from {{ ref('web_purchases') }}
    where order_status in ('counted', 'duplicate')

),

web_orders as (

    select order_key, order_id
    from {{ ref('web_orders') }}

),

in_shop as (

    select order_key, shop_order_id
    from {{ ref('web_orders_in_shop') }}

),

items as (

    select event_key, item_id, item_name, item_category
    from {{ ref('stg_ga4__items') }}

),

final as (

    select
        coalesce(in_shop.shop_order_id, web_orders.order_id, web_orders.order_key) as order_id,
        coalesce(items.item_name, items.item_id) as product,
        max(items.item_category) as category
    from purchases
    inner join web_orders on purchases.order_key = web_orders.order_key
    inner join items on purchases.event_key = items.event_key
    left join in_shop on purchases.order_key = in_shop.order_key
    where coalesce(items.item_name, items.item_id) is not null
    group by 1, 2

)

select * from final
