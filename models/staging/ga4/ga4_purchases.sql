{%- set days = ga4_changed_days() -%}
{{ config(**built_by_day(
    {'currencies': [var('currency'), var('ga4_properties', [])]},
    retyped="{'event_order': 'wide_int'}"
)) }}
{%- do overwrites_days(days) -%}

with events as (

    select
        event_key,
        property_id,
        event_name,
        event_date,
        event_at,
        event_order,
        user_pseudo_id as device_id,
        user_id,
        session_key,
        ecommerce_transaction_id,
        param_transaction_id,
        transaction_id,
        purchase_revenue,
        refund_value,
        value,
        {{ currency_code('currency', ga4_property_currency()) }} as currency,
        {{ currency_code('currency') }} is not null as is_currency_stated,
        is_internal,
        is_measurement_protocol
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }} and event_name in ('purchase', 'in_app_purchase', 'refund')

)

select * from events
