-- each outcome as it stands: its last version by the moment it happened
with outcome_versions as (

    select *
    from {{ ref('stg_offline__outcome_versions') }}

),

final as (

    select
        -- ids
        outcome_id,
        given_outcome_id,
        application_id,
        line_id,
        customer_no,
        branch_id,

        -- strings
        product,
        status,
        meaning,
        phone,
        phone_hash,
        currency,
        reason,

        -- numerics
        value,
        versions,

        -- timestamps
        occurred_at,
        file_sha256,
        file_row,
        loaded_at
    from outcome_versions
    where is_last

)

select * from final
