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
        consent_id as given_consent_id,
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
    where {{ known_by_then() }}

),

-- what a statement says; without a number, all that it says of the person tells it from others
with_statement as (

    select
        *,
        case
            when given_consent_id is not null then
                {{ surrogate_key([
                    'given_consent_id',
                    'coalesce(customer_no, email, email_hash, phone, phone_hash)',
                    'channel', 'purpose',
                    micros_of('occurred_at'), 'status',
                ]) }}
            else
                {{ surrogate_key([
                    'customer_no', 'email', 'email_hash', 'phone', 'phone_hash', 'channel',
                    'purpose', micros_of('occurred_at'), 'status',
                ]) }}
        end as statement_key
    from renamed

),

-- one statement, told again: what was loaded last knows best;
-- of one load the row that does not allow the night
deduplicated as (

    select *
    from with_statement
    qualify row_number() over (
        partition by statement_key
        order by loaded_at desc, case when is_night then 1 else 0 end, file_sha256, file_row desc
    ) = 1

),

counted as (

    select
        *,
        case
            when given_consent_id is not null then count(*) over (partition by given_consent_id)
        end as statements_of_id
    from deduplicated

),

-- a number that stands for two statements names neither
final as (

    select
        case when statements_of_id = 1 then given_consent_id else statement_key end as consent_id,
        counted.*
    from counted

)

select * from final
