with refunds as (

    select
        event_key,
        property_id,
        event_date,
        event_at,
        event_order,
        device_id,
        person_id,
        session_key,
        {{ exported_transaction_id() }} as transaction_id,
        abs(coalesce(nullif(refund_value, 0), nullif(value, 0))) as reported_amount,
        currency,
        is_currency_stated
    from {{ with_person(ref('ga4_purchases')) }} as reported
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
        = max(coalesce(subject_id, '')) over (partition by property_id, order_id)
            as is_of_one_shopper
    from {{ ref('web_purchases') }}
    where order_status = 'counted' and order_id is not null

),

with_subject as (

    select
        refunds.*,
        {{ transaction_id_kind('transaction_id') }} as id_kind,
        coalesce(refunds.person_id, refunds.device_id, '') as subject_id
    from refunds

),

-- the shopper's own order; refunds often come from a server, so else the one with this id,
-- if only one shopper has it
final as (

    select
        with_subject.event_key,
        with_subject.property_id,
        with_subject.event_date,
        with_subject.event_at,
        with_subject.event_order,
        with_subject.device_id,
        with_subject.session_key,
        with_subject.transaction_id,
        with_subject.reported_amount,
        coalesce(
            case when with_subject.is_currency_stated then with_subject.currency end,
            orders.currency,
            with_subject.currency
        ) as currency,
        orders.order_key,
        orders.revenue as order_revenue,
        orders.currency as order_currency
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

)

select * from final
