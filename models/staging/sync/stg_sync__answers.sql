with source as (

    select
        run_id,
        batch_no,
        sync,
        asked_at,
        status,
        problem,
        names_rows,
        warnings,
        audience,
        match_rate,
        match_percent_low,
        match_percent_high,
        match_records,
        people_low,
        people_high
    from {{ source('ledger', 'sync_answers') }}

),

final as (

    select
        -- ids
        run_id,
        batch_no,

        -- strings
        sync,
        status,
        problem,
        warnings,
        audience,
        match_rate,

        -- numerics
        match_percent_low,
        match_percent_high,
        match_records,
        people_low,
        people_high,

        -- booleans
        coalesce(names_rows = 'true', false) as names_rows,

        -- timestamps
        asked_at
    from source

)

select * from final
