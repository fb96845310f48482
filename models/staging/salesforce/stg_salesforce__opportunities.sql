with source as (

    {{ salesforce_newest(source('salesforce', 'opportunities')) }}

),

final as (

    select
        -- ids
        {{ salesforce_id('id') }} as opportunity_id,
        {{ salesforce_id('account_id') }} as account_id,
        {{ salesforce_id('contact_id') }} as contact_id,
        {{ salesforce_id('campaign_id') }} as campaign_id,

        -- strings
        opportunity_name,
        stage,
        {{ currency_code('currency', reporting_currency()) }} as currency,
        lead_source,

        -- numerics
        {{ number_from_text('amount') }} as amount,

        -- booleans
        is_closed = 'true' as is_closed,
        is_won = 'true' as is_won,
        coalesce(is_deleted = 'true', false) as is_deleted,

        -- dates and timestamps
        {{ safe_cast_as('close_date', 'date') }} as close_date,
        {{ timestamp_from_text('created_at') }} as created_at,
        {{ timestamp_from_text('modified_at') }} as modified_at,
        _loaded_at as loaded_at
    from source

)

select * from final
