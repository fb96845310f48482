-- what each refund that the website reported takes back; docs/orders.md tells the rule
with refunds as (

    select *, coalesce(order_revenue, 0) as revenue
    from {{ ref('web_refund_orders') }}

),

items as (

    select
        event_key,
        count(*) as items,
        round(sum(amount), 4) as amount,
        {{ any_true('is_amount_stated') }} as is_amount_stated,
        string_agg(
            concat(coalesce(item_id, item_name, ''), ' x ', cast(quantity as string)),
            ', ' order by coalesce(item_id, item_name, ''), quantity, item_number
        ) as item_list
    from {{ ref('web_refund_items') }}
    group by event_key

),

-- the event's own amount, else that of the items that it names;
-- without either it asks for the whole order
with_amount as (

    select
        refunds.*,
        items.item_list,
        coalesce(refunds.reported_amount, items.amount) as known_amount,
        items.items is not null as names_items,
        refunds.reported_amount is not null
        or coalesce(items.is_amount_stated, false) as is_amount_stated
    from refunds
    left join items on refunds.event_key = items.event_key

),

-- the same amount was reported before: of the same items, or without any
before as (

    select
        *,
        {{ micros_of('event_at') }} as micros,
        {{ micros_of('event_at') }} - lag({{ micros_of('event_at') }}) over (
            partition by order_key, {{ float_text('known_amount') }} order by event_order, event_key
        ) as micros_since_any,
        {{ micros_of('event_at') }} - lag({{ micros_of('event_at') }}) over (
            partition by order_key, {{ float_text('known_amount') }}, item_list
            order by event_order, event_key
        ) as micros_since_same
    from with_amount

),

-- one without items that repeats another says nothing of those after it
compared as (

    select
        *,
        micros - max(
            case when item_list is null and not {{ is_repeat('micros_since_any') }} then micros end
        ) over (
            partition by order_key, {{ float_text('known_amount') }}
            order by event_order, event_key
            rows between unbounded preceding and 1 preceding
        ) as micros_since_bare
    from before

),

flagged as (

    select
        *,
        case
            when order_key is null then 'unknown_order'
            when names_items and known_amount is null then 'unknown_amount'
            when is_amount_stated and upper(order_currency) <> upper(currency) then 'other_currency'
            when item_list is null and {{ is_repeat('micros_since_any') }} then 'repeat'
            when {{ is_repeat('micros_since_same') }} or {{ is_repeat('micros_since_bare') }}
                then 'repeat'
        end as left_out
    from compared

),

-- together they take back no more than the order brought
requested as (

    select
        *,
        case when left_out is null then coalesce(known_amount, revenue) else 0 end as asked_amount
    from flagged

),

added_up as (

    select
        *,
        sum(asked_amount) over (
            partition by order_key
            order by event_order, event_key
            rows between unbounded preceding and current row
        ) as asked_so_far
    from requested

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
        item_list,
        case
            when left_out is null
                then least(asked_so_far, revenue) - least(asked_so_far - asked_amount, revenue)
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
