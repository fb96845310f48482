with source as (

    select
        plan_id, ledger_no, sync, created_at, as_of, crm_as_of,
        adds, changes, removes, unchanged, held_back, status
    from {{ source('ledger', 'sync_plans') }}

),

final as (

    select
        -- ids
        plan_id,
        ledger_no,

        -- strings
        sync,
        status,

        -- numerics
        adds,
        changes,
        removes,
        unchanged,
        held_back,

        -- timestamps
        created_at,
        as_of,
        crm_as_of
    from source

)

select * from final
