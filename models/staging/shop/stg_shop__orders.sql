with source as (

    select
        order_id,
        customer_no,
        email,
        phone,
        name,
        status,
        ordered_at,
        updated_at,
        cancelled_at,
        refunded_at,
        amount,
        currency,
        _sha256,
        _row,
        _loaded_at
    from {{ source('shop', 'orders') }}

),

renamed as (

    select
        -- ids
        order_id,
        customer_no,

        -- strings
        {{ normalize_email('email') }} as email,
        {{ normalize_phone('phone') }} as phone,
        {{ hash_as_given('email') }} as email_hash,
        {{ hash_as_given('phone') }} as phone_hash,
        {{ nfc('name') }} as name,
        lower(status) as status,
        {{ currency_code('currency', reporting_currency()) }} as currency,

        -- numerics
        {{ number_from_text('amount') }} as amount,

        -- timestamps
        {{ timestamp_from_text('ordered_at') }} as ordered_at,
        coalesce(
            {{ timestamp_from_text('updated_at') }},
            case
                when lower(status) = 'cancelled' then {{ timestamp_from_text('cancelled_at') }}
            end,
            case when lower(status) = 'refunded' then {{ timestamp_from_text('refunded_at') }} end,
            {{ timestamp_from_text('ordered_at') }}
        ) as updated_at,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from source
    where order_id is not null and {{ known_by_then() }}

),

-- a number that was given to two customers or moments:
-- one order of them is lost, and `reused_ids` counts it
with_reuse as (

    select
        *,
        coalesce(
            min(customer_no) over (partition by order_id)
            <> max(customer_no) over (partition by order_id),
            false
        )
        or min(ordered_at) over (partition by order_id)
            <> max(ordered_at) over (partition by order_id) as is_number_reused
    from renamed

),

-- an order's state is the one that was set last, however late its row came in
final as (

    select *
    from with_reuse
    qualify row_number() over (
        partition by order_id
        order by updated_at desc, loaded_at desc, file_sha256, file_row desc
    ) = 1

)

select * from final
