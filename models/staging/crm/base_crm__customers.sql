{%- set day = "20[0-9][0-9][-._]?(?:0[1-9]|1[0-2])[-._]?(?:0[1-9]|[12][0-9]|3[01])" %}

-- every row of every upload; a list holds from the day in its file's name,
-- without one from when it was loaded
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
        _loaded_at,
        {{ regex_replace(
            regex_extract('_file', '(?:^|[^0-9])(' ~ day ~ ')(?:[^0-9]|$)'), '[-._]', ''
        ) }} as file_day
    from {{ source('crm', 'customers') }}
    where customer_no is not null and {{ known_by_then() }}

),

final as (

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
        coalesce(
            {{ timestamp_from_local_text(
                "concat(substr(file_day, 1, 4), '-', substr(file_day, 5, 2), '-', "
                ~ "substr(file_day, 7, 2))"
            ) }},
            _loaded_at
        ) as listed_at,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from source

)

select * from final
