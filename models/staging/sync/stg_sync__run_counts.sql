with source as (

    select
        run_id, plan_id, sync, audience, channel, operation,
        status, reason, row_count, batch_no, match_key
    from {{ source('ledger', 'sync_run_counts') }}

),

final as (

    select
        -- ids
        run_id,
        plan_id,
        batch_no,

        -- strings
        sync,
        audience,
        channel,
        operation,
        status,
        reason,
        match_key,

        -- numerics
        row_count
    from source

)

select * from final
