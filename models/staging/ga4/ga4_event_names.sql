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

with final as (

    select
        property_id,
        event_date,
        event_name,
        count(*) as events
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }}
    group by property_id, event_date, event_name

)

select * from final
