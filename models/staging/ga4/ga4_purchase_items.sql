{%- set days = ga4_changed_days() -%}
{{ config(
    materialized='incremental',
    incremental_strategy=overwrite_days_strategy(),
    on_schema_change='append_new_columns',
    partition_by=partitioned_by_day('event_date'),
    partitions=[],
    pre_hook="{{ ga4_forget_days() }}",
    post_hook="{{ ga4_record_days() }}",
    meta={'overwritten_by': 'event_date'}
) }}
{%- do overwrites_days(days) -%}

with items as (

    select
        event_key,
        item_number,
        event_name,
        event_date,
        nullif(nullif(trim(item_id), ''), '(not set)') as item_id,
        nullif(nullif(trim(item_name), ''), '(not set)') as item_name,
        abs(coalesce(nullif(quantity, 0), 1)) as quantity,
        nullif(abs(price), 0) as price,
        nullif(abs(item_revenue), 0) as item_revenue,
        nullif(abs(item_refund), 0) as item_refund
    from {{ ref('stg_ga4__items') }}
    where {{ ga4_in_days(days) }} and event_name in ('purchase', 'refund')

)

select * from items
