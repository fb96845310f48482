{{ config(materialized='view') }}

with source as (

    select *
    from {{ source('builds', 'days') }}

),

final as (

    select
        model,
        property_id,
        event_date,
        fingerprint,
        revision,
        run_id,
        shard_kind,
        suffix,
        bytes,
        row_count,
        modified_at,
        built_at
    from source

)

select * from final
