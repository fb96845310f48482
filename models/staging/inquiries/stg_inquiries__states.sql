-- every state that an inquiry took, in the order in which it happened, whenever its file came
with source as (

    select *
    from {{ source('inquiries', 'inquiries') }}
    where inquiry_id is not null and {{ known_by_then() }}

),

renamed as (

    select
        -- ids
        inquiry_id,
        customer_no,
        {{ real_id('order_id') }} as order_id,
        application_id,
        {{ real_id('chat_key') }} as chat_key,
        nullif(trim(merged_into), '') as merged_into,

        -- strings
        lower(channel) as channel,
        lower(status) as status,
        category as category_1,
        category_2,
        category_3,
        {{ masked_inquiry('content') }} as content,
        {{ normalize_email('email') }} as email,
        {{ normalize_phone('phone') }} as phone,
        {{ hash_as_given('email') }} as email_hash,
        {{ hash_as_given('phone') }} as phone_hash,

        -- timestamps
        {{ timestamp_from_text('received_at') }} as received_at,
        coalesce({{ timestamp_from_text('updated_at') }}, {{ timestamp_from_text('received_at') }})
            as state_at,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from source

),

-- one state at one moment, told twice, is one; what was loaded last knows best
deduplicated as (

    select *
    from renamed
    where state_at is not null
    qualify row_number() over (
        partition by inquiry_id, state_at, status
        order by loaded_at desc, file_sha256, file_row desc
    ) = 1

),

final as (

    select
        {{ surrogate_key(['inquiry_id', micros_of('state_at'), 'status']) }} as state_key,
        *,
        lag(status) over (
            partition by inquiry_id order by state_at, loaded_at, file_row, status
        ) as previous_status,
        row_number() over (
            partition by inquiry_id
            order by state_at desc, loaded_at desc, file_row desc, status desc
        ) = 1 as is_last
    from deduplicated

)

select * from final
