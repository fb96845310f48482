{%- set rule = order_rule() -%}

-- what each refund that the website reported takes back; docs/orders.md tells the rule
with refunds as (

    select
        *,
        coalesce(order_revenue, 0) as revenue,
        {{ micros_of('event_at') }} - lag({{ micros_of('event_at') }}) over (
            partition by order_key, {{ float_text('reported_amount') }} order by event_order, event_key
        ) as micros_since_last
    from {{ ref('web_refund_orders') }}

),

judged as (

    select
        *,
        case
            when order_key is null then 'unknown_order'
            when order_currency <> currency then 'other_currency'
            {%- if rule.repeat_days is none %}
            when micros_since_last is not null then 'repeat'
            {%- else %}
            when micros_since_last <= {{ rule.repeat_days }} * 86400000000 then 'repeat'
            {%- endif %}
        end as left_out
    from refunds

),

-- a refund without an amount asks for the whole order; together they take back no more than it brought
asked as (

    select
        *,
        case when left_out is null then coalesce(reported_amount, revenue) else 0 end as asked_amount
    from judged

),

added_up as (

    select
        *,
        sum(asked_amount) over (
            partition by order_key order by event_order, event_key rows between unbounded preceding and current row
        ) as asked_so_far
    from asked

),

final as (

    select
        event_key,
        property_id,
        event_date,
        event_at,
        device_id,
        session_key,
        transaction_id,
        order_key,
        reported_amount,
        case
            when left_out is null then least(asked_so_far, revenue) - least(asked_so_far - asked_amount, revenue)
            else 0
        end as amount,
        currency,
        case
            when left_out is not null then left_out
            when asked_so_far - asked_amount >= revenue and asked_amount > 0 then 'nothing_left'
            else 'counted'
        end as refund_status
    from added_up

)

select * from final
