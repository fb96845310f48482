{%- set boxes = ['has_opted_out_of_email', 'do_not_call'] -%}

with source as (

    {{ salesforce_newest(source('salesforce', 'contacts'), boxes) }}

),

final as (

    select
        -- ids
        {{ salesforce_id('id') }} as contact_id,
        {{ salesforce_id('master_record_id') }} as merged_into_id,
        {{ salesforce_id('account_id') }} as account_id,
        {{ salesforce_id('individual_id') }} as individual_id,
        customer_no,

        -- strings
        {{ nfc('name') }} as name,
        {{ normalize_email('email') }} as email,
        {{ normalize_phone('coalesce(mobile_phone, phone)') }} as phone,
        {{ hash_as_given('email') }} as email_hash,
        {{ hash_as_given('coalesce(mobile_phone, phone)') }} as phone_hash,
        lead_source,
        tier,
        region,

        -- booleans
        has_opted_out_of_email = 'true' as has_opted_out_of_email,
        do_not_call = 'true' as do_not_call,
        coalesce(is_deleted = 'true', false) as is_deleted,

        -- dates and timestamps
        has_opted_out_of_email_at,
        do_not_call_at,
        {{ timestamp_from_text('created_at') }} as created_at,
        {{ timestamp_from_text('modified_at') }} as modified_at,
        _loaded_at as loaded_at
    from source

)

select * from final
