{%- set boxes = ['has_opted_out_of_email', 'do_not_call'] -%}

with source as (

    {{ salesforce_newest(source('salesforce', 'leads'), boxes) }}

),

final as (

    select
        -- ids
        {{ salesforce_id('id') }} as lead_id,
        {{ salesforce_id('master_record_id') }} as merged_into_id,
        {{ salesforce_id('converted_contact_id') }} as converted_contact_id,
        {{ salesforce_id('converted_account_id') }} as converted_account_id,
        {{ salesforce_id('converted_opportunity_id') }} as converted_opportunity_id,
        {{ salesforce_id('individual_id') }} as individual_id,
        customer_no,

        -- strings
        {{ nfc('name') }} as name,
        {{ normalize_email('email') }} as email,
        {{ normalize_phone('coalesce(mobile_phone, phone)') }} as phone,
        {{ hash_as_given('email') }} as email_hash,
        {{ hash_as_given('coalesce(mobile_phone, phone)') }} as phone_hash,
        company,
        status,
        lead_source,
        tier,
        region,

        -- booleans
        is_converted = 'true' as is_converted,
        has_opted_out_of_email = 'true' as has_opted_out_of_email,
        do_not_call = 'true' as do_not_call,
        coalesce(is_deleted = 'true', false) as is_deleted,

        -- dates and timestamps
        has_opted_out_of_email_at,
        do_not_call_at,
        {{ timestamp_from_text('converted_at') }} as converted_at,
        {{ timestamp_from_text('created_at') }} as created_at,
        {{ timestamp_from_text('modified_at') }} as modified_at,
        _loaded_at as loaded_at
    from source

)

select * from final
