-- what Braze Cloud Data Ingestion reads: its columns by its names, and nothing else
with source as (

    select updated_at, external_id, alias_name, alias_label, braze_id, email, phone, payload
    from {{ source('ledger', 'braze_outbox') }}

),

final as (

    select
        -- ids
        external_id,
        alias_name,
        alias_label,
        braze_id,
        email,
        phone,

        -- strings
        {{ json_of('payload') }} as payload,

        -- timestamps
        updated_at
    from source

)

select * from final
