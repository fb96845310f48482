with source as (

    select
        run_id,
        ledger_no,
        plan_id,
        sync,
        destination,
        started_at,
        finished_at,
        status,
        planned,
        accepted,
        rejected,
        skipped,
        batches,
        requests
    from {{ source('ledger', 'sync_runs') }}

),

final as (

    select
        -- ids
        run_id,
        ledger_no,
        plan_id,

        -- strings
        sync,
        destination,
        status,

        -- numerics
        planned,
        accepted,
        rejected,
        skipped,
        batches,
        requests,

        -- timestamps
        started_at,
        finished_at
    from source

)

select * from final
