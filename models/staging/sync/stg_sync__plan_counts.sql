with source as (

    select
        plan_id, sync, destination, audience, channel,
        outcome, reason, persons, row_count, rule_version
    from {{ source('ledger', 'sync_plan_counts') }}

),

final as (

    select
        -- ids
        plan_id,

        -- strings
        sync,
        destination,
        audience,
        channel,
        outcome,
        reason,
        rule_version,

        -- numerics
        persons,
        row_count
    from source

)

select * from final
