-- what each upload of the CRM changed about a number
with listed as (

    select customer_no, tier, registered_at, listed_at, loaded_at
    from {{ ref('base_crm__customers') }}
    qualify row_number() over (
        partition by customer_no, listed_at, loaded_at order by file_sha256, file_row desc
    ) = 1

),

uploads as (

    select
        listed_at,
        loaded_at,
        row_number() over (order by listed_at, loaded_at) as upload_number,
        lead(listed_at) over (order by listed_at, loaded_at) as next_listed_at
    from (select distinct listed_at, loaded_at from listed) as moments

),

with_upload as (

    select
        listed.customer_no,
        listed.tier,
        listed.registered_at,
        listed.listed_at,
        uploads.upload_number,
        uploads.next_listed_at
    from listed
    inner join uploads
        on listed.listed_at = uploads.listed_at
        and listed.loaded_at = uploads.loaded_at

),

compared as (

    select
        *,
        lag(upload_number) over (partition by customer_no order by upload_number)
            as previous_upload,
        lead(upload_number) over (partition by customer_no order by upload_number) as next_upload,
        lag(tier) over (partition by customer_no order by upload_number) as previous_tier,
        lag(registered_at) over (partition by customer_no order by upload_number)
            as previous_registered_at
    from with_upload

),

-- the upload that lacks a number leaves its tier and makes it one that is gone
final as (

    select customer_no, upload_number, listed_at, tier, registered_at, true as is_listed
    from compared
    where
        coalesce(previous_upload, -1) <> upload_number - 1
        or coalesce(tier, '') <> coalesce(previous_tier, '')
        or coalesce({{ micros_of('registered_at') }}, 0)
            <> coalesce({{ micros_of('previous_registered_at') }}, 0)

    union all

    select
        customer_no,
        upload_number + 1 as upload_number,
        next_listed_at as listed_at,
        tier,
        registered_at,
        false as is_listed
    from compared
    where next_listed_at is not null and coalesce(next_upload, 0) <> upload_number + 1

)

select * from final
