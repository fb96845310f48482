with source as (

    select run_id, sync, sync_key, field, reason, problem, fix, recorded_at
    from {{ source('ledger', 'sync_rejects') }}

),

final as (

    select
        -- ids
        run_id,
        sync_key,

        -- strings
        sync,
        field,
        reason,
        problem,
        fix,

        -- timestamps
        recorded_at
    from source

)

select * from final
