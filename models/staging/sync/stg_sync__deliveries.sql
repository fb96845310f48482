with source as (

    select
        run_id,
        ledger_no,
        plan_id,
        sync,
        sync_key,
        field,
        operation,
        value_hash,
        status,
        reason,
        recorded_at,
        batch_no,
        amount,
        channel
    from {{ source('ledger', 'sync_deliveries') }}

),

final as (

    select
        -- ids
        run_id,
        ledger_no,
        plan_id,
        sync_key,
        batch_no,

        -- strings
        sync,
        field,
        operation,
        value_hash,
        status,
        reason,
        amount,
        channel,

        -- timestamps
        recorded_at
    from source

)

select * from final
