with source as (

    {{ salesforce_newest(source('salesforce', 'campaign_members')) }}

),

final as (

    select
        -- ids
        {{ salesforce_id('id') }} as campaign_member_id,
        {{ salesforce_id('campaign_id') }} as campaign_id,
        {{ salesforce_id('contact_id') }} as contact_id,
        {{ salesforce_id('lead_id') }} as lead_id,

        -- strings
        status,

        -- booleans
        has_responded = 'true' as has_responded,
        coalesce(is_deleted = 'true', false) as is_deleted,

        -- dates and timestamps
        {{ safe_cast_as('first_responded_date', 'date') }} as first_responded_date,
        {{ timestamp_from_text('created_at') }} as created_at,
        {{ timestamp_from_text('modified_at') }} as modified_at,
        _loaded_at as loaded_at
    from source

)

select * from final
