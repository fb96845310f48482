with source as (

    {{ salesforce_newest(source('salesforce', 'cases')) }}

),

final as (

    select
        -- ids
        {{ salesforce_id('id') }} as case_id,
        {{ salesforce_id('master_record_id') }} as merged_into_id,
        {{ salesforce_id('account_id') }} as account_id,
        {{ salesforce_id('contact_id') }} as contact_id,
        {{ salesforce_id('parent_id') }} as parent_id,

        -- strings
        case_number,
        origin,
        type,
        reason,
        status,

        -- booleans
        is_closed = 'true' as is_closed,
        coalesce(is_deleted = 'true', false) as is_deleted,

        -- dates and timestamps
        {{ timestamp_from_text('closed_at') }} as closed_at,
        {{ timestamp_from_text('created_at') }} as created_at,
        {{ timestamp_from_text('modified_at') }} as modified_at,
        _loaded_at as loaded_at
    from source

)

select * from final
