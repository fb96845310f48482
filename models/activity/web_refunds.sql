{%- set rule = order_rule() -%}

-- what each refund that the website reported takes back, and of which order; docs/orders.md tells the rule
with refunds as (

    select
        event_key,
        property_id,
        event_date,
        event_at,
        event_order,
        device_id,
        user_id,
        session_key,
        {{ exported_transaction_id() }} as transaction_id,
        nullif(abs(coalesce(refund_value, value)), 0) as reported_amount,
        currency
    from {{ ref('ga4_purchases') }}
    where event_name = 'refund'

),

orders as (

    select
        order_key,
        property_id,
        order_id,
        event_at as ordered_at,
        coalesce(revenue, 0) as revenue,
        currency,
        coalesce(subject_id, '') as subject_id,
        min(coalesce(subject_id, '')) over (partition by property_id, order_id)
        = max(coalesce(subject_id, '')) over (partition by property_id, order_id) as is_of_one_shopper
    from {{ ref('web_purchases') }}
    where order_status = 'counted' and order_id is not null

),

device_owners as (

    select device_id, person_id, valid_from, valid_to
    from {{ ref('device_owners') }}

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

with_subject as (

    select
        refunds.*,
        {{ transaction_id_kind('transaction_id') }} as id_kind,
        coalesce({{ known_person() }}, refunds.device_id, '') as subject_id
    from refunds
    {{ join_known_person('refunds') }}

),

-- the shopper's own order; refunds often come from a server, so else the one with this id, if only one shopper has it
with_order as (

    select
        with_subject.*,
        orders.order_key,
        orders.revenue,
        orders.currency <> with_subject.currency as is_other_currency
    from with_subject
    left join orders
        on trim(with_subject.transaction_id) = orders.order_id
        and with_subject.property_id = orders.property_id
        and with_subject.id_kind = 'real'
        and (with_subject.subject_id = orders.subject_id or orders.is_of_one_shopper)
    qualify row_number() over (
        partition by with_subject.event_key
        order by
            case when with_subject.subject_id = orders.subject_id then 0 else 1 end,
            case when orders.ordered_at <= with_subject.event_at then 0 else 1 end,
            orders.ordered_at desc,
            orders.order_key
    ) = 1

),

since_last as (

    select
        *,
        {{ micros_of('event_at') }} - lag({{ micros_of('event_at') }}) over (
            partition by order_key, {{ float_text('reported_amount') }} order by event_order, event_key
        ) as micros_since_last
    from with_order

),

judged as (

    select
        *,
        case
            when order_key is null then 'unknown_order'
            when is_other_currency then 'other_currency'
            {%- if rule.repeat_days is none %}
            when micros_since_last is not null then 'repeat'
            {%- else %}
            when micros_since_last <= {{ rule.repeat_days }} * 86400000000 then 'repeat'
            {%- endif %}
        end as left_out
    from since_last

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
