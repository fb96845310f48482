with source as (

    select
        consent_id,
        customer_no,
        email,
        phone,
        channel,
        purpose,
        status,
        is_night,
        occurred_at,
        collected_via,
        policy_version,
        _sha256,
        _row,
        _loaded_at
    from {{ source('consent', 'events') }}

),

renamed as (

    select
        -- ids
        consent_id,
        customer_no,

        -- strings
        {{ normalize_email('email') }} as email,
        {{ normalize_phone('phone') }} as phone,
        {{ hash_as_given('email') }} as email_hash,
        {{ hash_as_given('phone') }} as phone_hash,
        lower(channel) as channel,
        lower(purpose) as purpose,
        lower(status) as status,
        collected_via,
        policy_version,

        -- booleans
        is_night = 'true' as is_night,

        -- timestamps
        {{ timestamp_from_text('occurred_at') }} as occurred_at,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from source
    where consent_id is not null and {{ known_by_then() }}

),

final as (

    select *
    from renamed
    qualify row_number() over (
        partition by consent_id
        order by loaded_at, file_sha256, file_row
    ) = 1

)

select * from final
