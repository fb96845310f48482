{%- set dimensions = {
    'all': "'(all)'",
    'product': "coalesce(products.product, '(unknown)')",
    'campaign': "coalesce(orders.campaign, '(none)')",
    'region': "coalesce(orders.region, '(unknown)')",
} -%}

-- orders that somebody asked about beside the others, by what was bought, from where,
-- and by group of inquiries
with orders as (

    select *
    from {{ ref('order_ends') }}

),

placed as (

    {% for dimension, value in dimensions.items() -%}
    select orders.order_id, '{{ dimension }}' as dimension, {{ value }} as value
    from orders
    {% if dimension == 'product' -%}
    left join {{ ref('order_products') }} as products on orders.order_id = products.order_id
    {% endif -%}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- each inquiry counts in its group, and in all groups together
inquired as (

    {% for inquiry_group in ['inquiry_group', "'(all)'"] -%}
    select
        inquiry_id, order_id, {{ inquiry_group }} as inquiry_group,
        match_method, received_at, days_from_order
    from {{ ref('inquiry_orders') }}
    where order_id is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

of_values as (

    select
        placed.dimension,
        placed.value,
        count(*) as orders,
        count(orders.refunded_at) as refunded,
        count(orders.cancelled_at) as cancelled,
        count(coalesce(orders.refunded_at, orders.cancelled_at)) as taken_back
    from placed
    inner join orders on placed.order_id = orders.order_id
    group by placed.dimension, placed.value

),

inquired_by_value as (

    select
        placed.dimension,
        placed.value,
        inquired.*,
        row_number() over (
            partition by placed.dimension, placed.value, inquired.inquiry_group, inquired.order_id
            order by inquired.inquiry_id
        ) as place_of_order,
        {{ quantile_over(
            'inquired.days_from_order',
            0.5,
            'placed.dimension, placed.value, inquired.inquiry_group'
        ) }} as median_days
    from inquired
    inner join placed on inquired.order_id = placed.order_id

),

of_groups as (

    select
        inquired.dimension,
        inquired.value,
        inquired.inquiry_group,
        count(*) as inquiries,
        count(case when inquired.match_method = 'number' then 1 end) as inquiries_by_number,
        count(case when {{ is_within_days('inquired.received_at', 28, 0) }} then 1 end)
            as inquiries_last_28_days,
        count(case when {{ is_within_days('inquired.received_at', 56, 28) }} then 1 end)
            as inquiries_28_days_before,
        max(inquired.median_days) as median_days,
        count(case when inquired.place_of_order = 1 then 1 end) as orders_with,
        count(case when inquired.place_of_order = 1 then orders.refunded_at end) as refunded_with,
        count(case when inquired.place_of_order = 1 then orders.cancelled_at end) as cancelled_with,
        count(case
            when inquired.place_of_order = 1 then coalesce(orders.refunded_at, orders.cancelled_at)
        end) as taken_back_with
    from inquired_by_value as inquired
    inner join orders on inquired.order_id = orders.order_id
    group by inquired.dimension, inquired.value, inquired.inquiry_group

),

compared as (

    select
        of_groups.*,
        of_values.orders,
        of_values.orders - of_groups.orders_with as orders_without,
        of_values.refunded - of_groups.refunded_with as refunded_without,
        of_values.cancelled - of_groups.cancelled_with as cancelled_without,
        of_values.taken_back - of_groups.taken_back_with as taken_back_without
    from of_groups
    inner join of_values
        on of_groups.dimension = of_values.dimension and of_groups.value = of_values.value

),

final as (

    select
        dimension,
        value,
        inquiry_group,
        orders,
        inquiries,
        inquiries_by_number,
        inquiries - inquiries_by_number as inquiries_by_person,
        {{ six_decimals('1000 * inquiries / orders') }} as inquiries_per_1000_orders,
        inquiries_last_28_days,
        inquiries_28_days_before,
        {{ six_decimals('median_days') }} as median_days_from_order,
        orders_with,
        orders_without,
        {% for ended in ['refunded', 'cancelled', 'taken_back'] -%}
        {{ ended }}_with,
        {{ ended }}_without,
        {{ share_contrast(ended, 'orders', ended ~ '_') }}{{ ',' if not loop.last }}
        {% endfor %}
    from compared

)

select * from final
