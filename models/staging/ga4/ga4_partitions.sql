{{ config(materialized='table') }}
-- depends_on: {{ ref('base_ga4__events') }}

with built as (

    select
        property_id, event_date, shard_kind, suffix, bytes,
        row_count, modified_at, fingerprint, built_at
    from {{ ref('stg_builds__days') }}
    where model = 'base_ga4__events'

),

properties as (

    {{ ga4_properties() }}

),

-- a property that is read no more keeps its days; nothing of them changes
final as (

    select
        built.property_id,
        built.event_date,
        built.shard_kind,
        built.suffix,
        built.bytes,
        built.row_count,
        built.modified_at,
        built.fingerprint,
        built.built_at as loaded_at,
        properties.property_id is null
        or built.shard_kind in ('daily', 'ga360')
        and built.event_date
            < {{ local_date(timestamp_plus(as_of(), -72, 'hour'), 'properties.timezone') }}
            as is_final
    from built
    left join properties on built.property_id = properties.property_id

)

select * from final
