{%- set days = ga4_changed_days() -%}
{{ config(
    materialized='incremental',
    incremental_strategy=overwrite_days_strategy(),
    on_schema_change='append_new_columns',
    partition_by=partitioned_by_day('event_date'),
    partitions=[],
    pre_hook=["{{ ga4_forget_days() }}", "{{ ga4_retype_columns({'event_order': 'wide_int'}) }}"],
    post_hook="{{ ga4_record_days() }}",
    meta={'overwritten_by': 'event_date', 'currencies': [var('currency'), var('ga4_properties', [])]}
) }}
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
