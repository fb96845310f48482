with source as (

    select
        outcome_id,
        product,
        application_id,
        customer_no,
        phone,
        status,
        occurred_at,
        value,
        currency,
        reason,
        branch_id,
        _sha256,
        _row,
        _loaded_at
    from {{ source('offline', 'outcomes') }}

),

renamed as (

    select
        -- ids
        outcome_id,
        application_id,
        customer_no,
        branch_id,

        -- strings
        lower(product) as product,
        lower(status) as status,
        {{ normalize_phone('phone') }} as phone,
        {{ hash_as_given('phone') }} as phone_hash,
        coalesce(upper(currency), '{{ var("currency") }}') as currency,
        reason,

        -- numerics
        {{ number_from_text('value') }} as value,

        -- timestamps
        {{ timestamp_from_text('occurred_at') }} as occurred_at,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from source
    where outcome_id is not null and {{ known_by_then() }}

),

final as (

    select *
    from renamed
    qualify row_number() over (
        partition by outcome_id
        order by loaded_at, file_sha256, file_row
    ) = 1

)

select * from final
