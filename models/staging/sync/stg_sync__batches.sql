with source as (

    select
        run_id, batch_no, objects, status, attempts, sent_at,
        finished_at, remote_reference, answers_later
    from {{ source('ledger', 'sync_batches') }}

),

final as (

    select
        -- ids
        run_id,
        batch_no,
        remote_reference,

        -- strings
        status,

        -- numerics
        objects,
        attempts,

        -- booleans
        coalesce(answers_later = 'true', false) as answers_later,

        -- timestamps
        sent_at,
        finished_at
    from source

)

select * from final
