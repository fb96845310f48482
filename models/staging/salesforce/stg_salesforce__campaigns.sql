with source as (

    {{ salesforce_newest(source('salesforce', 'campaigns')) }}

),

final as (

    select
        -- ids
        {{ salesforce_id('id') }} as campaign_id,
        {{ salesforce_id('parent_id') }} as parent_id,

        -- strings
        campaign_name,
        type,
        status,
        {{ currency_code('currency', reporting_currency()) }} as currency,

        -- numerics
        {{ number_from_text('budgeted_cost') }} as budgeted_cost,
        {{ number_from_text('actual_cost') }} as actual_cost,

        -- booleans
        coalesce(is_deleted = 'true', false) as is_deleted,

        -- dates and timestamps
        {{ safe_cast_as('start_date', 'date') }} as start_date,
        {{ safe_cast_as('end_date', 'date') }} as end_date,
        {{ timestamp_from_text('created_at') }} as created_at,
        {{ timestamp_from_text('modified_at') }} as modified_at,
        _loaded_at as loaded_at
    from source

)

select * from final
