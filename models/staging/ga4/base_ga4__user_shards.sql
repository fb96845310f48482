with inventory as (

    {{ ga4_shard_inventory('users') }}

),

dated as (

    select
        *,
        {{ ga4_day("substr(suffix, length(suffix) - 7)") }} as event_date
    from inventory

),

final as (

    select
        property_id,
        kind,
        suffix,
        event_date,
        location,
        files,
        bytes,
        row_count,
        modified_at,
        problem,
        concat(kind, ' ', contents) as fingerprint,
        0 as rows_lost,
        0 as bytes_lost
    from dated
    where event_date is not null

)

select * from final
