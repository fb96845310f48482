{%- set keys = ['item_id', 'item_name'] -%}

-- what each item that a refund names is worth: as the refund says it, else as the order priced it
with items as (

    select *
    from {{ ref('ga4_purchase_items') }}

),

refunds as (

    select event_key, order_key
    from {{ ref('web_refund_orders') }}

),

orders as (

    select event_key, order_key
    from {{ ref('web_purchases') }}
    where order_status = 'counted'

),

ordered as (

    select
        orders.order_key,
        items.item_id,
        items.item_name,
        items.quantity,
        coalesce(items.price * items.quantity, items.item_revenue) as amount
    from items
    inner join orders on items.event_key = orders.event_key
    where items.event_name = 'purchase'

),

{% for key in keys -%}
by_{{ key }} as (

    select
        order_key,
        {{ key }},
        sum(amount) / sum(quantity) as unit_price
    from ordered
    where {{ key }} is not null and amount is not null
    group by order_key, {{ key }}

),

{% endfor -%}
final as (

    select
        refunds.event_key,
        items.item_number,
        refunds.order_key,
        items.item_id,
        items.item_name,
        items.quantity,
        items.item_refund is not null or items.price is not null as is_amount_stated,
        coalesce(
            items.item_refund,
            items.quantity * items.price,
            {% for key in keys -%}
            items.quantity * by_{{ key }}.unit_price{{ ',' if not loop.last }}
            {% endfor %}
        ) as amount
    from items
    inner join refunds on items.event_key = refunds.event_key
    {% for key in keys -%}
    left join by_{{ key }}
        on refunds.order_key = by_{{ key }}.order_key
        and items.{{ key }} = by_{{ key }}.{{ key }}
    {% endfor -%}
    where items.event_name = 'refund'

)

select * from final
