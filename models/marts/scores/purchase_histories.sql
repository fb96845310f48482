{%- set today = as_of_day() -%}
{%- set cutoff = date_plus(today, 0 - var('score_horizon_days')) -%}

-- what models of customer value are fitted on:
-- days with a verified order, now and as it was one horizon ago
with orders as (

    select
        person_id,
        conversion_date as order_date,
        round(sum(coalesce(verified_value, 0)), 4) as value
    from {{ ref('conversions') }}
    where
        conversion_type = '{{ var('score_order_type') }}'
        and verified_state = 'verified'
        and person_id is not null
        and conversion_date <= {{ today }}
    group by person_id, conversion_date

),

placed as (

    select
        *,
        min(order_date) over (partition by person_id) as first_date
    from orders

),

histories as (

    select
        person_id,
        first_date,
        max(order_date) as last_date,
        max(case when order_date <= {{ cutoff }} then order_date end) as last_date_then,
        count(case when order_date > first_date then 1 end) as repeat_orders,
        count(case when order_date > first_date and order_date <= {{ cutoff }} then 1 end)
            as repeat_orders_then,
        count(case when order_date > {{ cutoff }} then 1 end) as orders_after,
        round(sum(case when order_date > first_date then value end), 4) as repeat_value,
        round(sum(
            case when order_date > first_date and order_date <= {{ cutoff }} then value end
        ), 4) as repeat_value_then,
        round(sum(case when order_date > {{ cutoff }} then value end), 4) as value_after,
        round(sum(value), 4) as total_value,
        count(*) as orders
    from placed
    group by person_id, first_date

),

final as (

    select
        person_id,
        first_date,
        last_date,
        orders,
        total_value,
        repeat_orders,
        {{ days_between('first_date', 'last_date') }} as recency_days,
        {{ days_between('first_date', today) }} as age_days,
        {{ days_between('last_date', today) }} as days_since_last,
        round(repeat_value / nullif(repeat_orders, 0), 4) as repeat_mean_value,
        first_date <= {{ cutoff }} as is_known_then,
        case when first_date <= {{ cutoff }} then repeat_orders_then end as repeat_orders_then,
        {{ days_between('first_date', 'last_date_then') }} as recency_days_then,
        case when first_date <= {{ cutoff }} then {{ days_between('first_date', cutoff) }} end
            as age_days_then,
        round(repeat_value_then / nullif(repeat_orders_then, 0), 4) as repeat_mean_value_then,
        orders_after,
        coalesce(value_after, 0) as value_after
    from histories

)

select * from final
