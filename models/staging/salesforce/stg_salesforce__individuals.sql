{%- set boxes = [
    'has_opted_out_processing', 'has_opted_out_profiling', 'has_opted_out_solicit',
    'has_opted_out_tracking', 'should_forget'
] -%}

with source as (

    {{ salesforce_newest(source('salesforce', 'individuals'), boxes) }}

),

final as (

    select
        -- ids
        {{ salesforce_id('id') }} as individual_id,
        {{ salesforce_id('master_record_id') }} as merged_into_id,

        -- booleans
        has_opted_out_processing = 'true' as has_opted_out_processing,
        has_opted_out_profiling = 'true' as has_opted_out_profiling,
        has_opted_out_solicit = 'true' as has_opted_out_solicit,
        has_opted_out_tracking = 'true' as has_opted_out_tracking,
        should_forget = 'true' as should_forget,
        coalesce(is_deleted = 'true', false) as is_deleted,

        -- dates and timestamps
        has_opted_out_processing_at,
        has_opted_out_profiling_at,
        has_opted_out_solicit_at,
        has_opted_out_tracking_at,
        should_forget_at,
        {{ timestamp_from_text('created_at') }} as created_at,
        {{ timestamp_from_text('modified_at') }} as modified_at,
        _loaded_at as loaded_at
    from source

)

select * from final
