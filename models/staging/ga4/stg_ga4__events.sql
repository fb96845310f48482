{{ config(materialized='view') }}

with hits as (

    {{ ga4_hits_as_read(ref('base_ga4__events')) }}

),

final as (

    select
        {{ ga4_event_key() }} as event_key,
        case
            when user_pseudo_id is not null and ga_session_id is not null
                then {{ surrogate_key(['property_id', 'user_pseudo_id', 'ga_session_id']) }}
        end as session_key,
        {{ ga4_event_columns() | join(',\n        ') }},
        hit_number,

        -- said in other words
        {{ timestamp_from_micros('event_timestamp') }} as event_at,
        event_timestamp * 1000 + least(coalesce(batch_event_index, 0), 999) as event_order,
        {{ regex_extract('page_location', '^https?://[^/?#]+(/[^?#]*)') }} as page_path,
        coalesce(
            {{ real_transaction_id('ecommerce_transaction_id') }},
            {{ real_transaction_id('param_transaction_id') }},
            ecommerce_transaction_id,
            param_transaction_id
        ) as transaction_id,

        -- whether people did it
        coalesce(traffic_type in ('internal', 'developer'), false) as is_internal,
        coalesce(debug_mode in ('1', 'true'), false) as is_debug,
        coalesce(platform = 'WEB' and page_location is null and hostname is null and batch_page_id is null, false)
            as is_measurement_protocol
    from hits

)

select * from final
