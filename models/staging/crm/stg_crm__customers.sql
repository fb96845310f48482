with uploads as (

    select *, max(loaded_at) over () as last_loaded_at
    from {{ ref('base_crm__customers') }}

),

-- the newest upload is the truth about a customer; who is missing from it stays, marked as gone
final as (

    select
        customer_no,
        name,
        phone,
        email,
        phone_hash,
        email_hash,
        tier,
        region,
        registered_at,
        file_sha256,
        file_row,
        loaded_at,
        loaded_at = last_loaded_at as is_current
    from uploads
    qualify row_number() over (
        partition by customer_no
        order by loaded_at desc, file_sha256, file_row desc
    ) = 1

)

select * from final
