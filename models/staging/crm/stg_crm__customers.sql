with source as (

    select
        customer_no,
        name,
        phone,
        email,
        tier,
        region,
        registered_at,
        _sha256,
        _row,
        _loaded_at
    from {{ source('crm', 'customers') }}

),

renamed as (

    select
        -- ids
        customer_no,

        -- strings
        {{ nfc('name') }} as name,
        {{ normalize_phone('phone') }} as phone,
        {{ normalize_email('email') }} as email,
        {{ hash_as_given('email') }} as email_hash,
        {{ hash_as_given('phone') }} as phone_hash,
        tier,
        region,

        -- timestamps
        {{ timestamp_from_local_text('registered_at') }} as registered_at,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at,
        max(_loaded_at) over () as last_loaded_at
    from source
    where customer_no is not null and {{ known_by_then() }}

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
    from renamed
    qualify row_number() over (
        partition by customer_no
        order by loaded_at desc, file_sha256, file_row desc
    ) = 1

)

select * from final
