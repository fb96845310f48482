{{ config(materialized='table') }}
-- depends_on: {{ ref('stg_ga4__events') }}

with built as (

    select property_id, event_date, shard_kind, suffix, bytes, row_count, modified_at, fingerprint, built_at
    from {{ source('builds', 'days') }}
    where model = 'stg_ga4__events'

),

final as (

    select
        property_id,
        event_date,
        shard_kind,
        suffix,
        bytes,
        row_count,
        modified_at,
        fingerprint,
        built_at as loaded_at,
        shard_kind = 'daily' and event_date < {{ local_date(timestamp_plus(as_of(), -72, 'hour')) }} as is_final
    from built

)

select * from final
