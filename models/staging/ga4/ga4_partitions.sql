-- depends_on: {{ ref('stg_ga4__events') }}

with shards as (

    select event_date, shard_kind, suffix, bytes, modified_at, fingerprint
    from {{ ref('base_ga4__shards') }}
    where is_chosen

),

final as (

    select
        event_date,
        shard_kind,
        suffix,
        bytes,
        modified_at,
        fingerprint,
        {{ as_of() }} as loaded_at,
        shard_kind = 'daily' and event_date < {{ local_date(timestamp_plus(as_of(), -72, 'hour')) }} as is_final
    from shards

)

select * from final
