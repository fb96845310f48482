with source as (

    {{ salesforce_newest(source('salesforce', 'accounts')) }}

),

final as (

    select
        -- ids
        {{ salesforce_id('id') }} as account_id,
        {{ salesforce_id('master_record_id') }} as merged_into_id,
        {{ salesforce_id('parent_id') }} as parent_id,
        customer_no,

        -- strings
        account,
        type,
        industry,

        -- booleans
        is_person_account = 'true' as is_person_account,
        coalesce(is_deleted = 'true', false) as is_deleted,

        -- dates and timestamps
        {{ timestamp_from_text('created_at') }} as created_at,
        {{ timestamp_from_text('modified_at') }} as modified_at,
        _loaded_at as loaded_at
    from source

)

select * from final
