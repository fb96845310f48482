{{ config(materialized='view') }}

with hits as (

    select *
    from {{ ref('base_ga4__events') }}
    where {{ ga4_is_no_copy() }}

),

final as (

    select
        {{ ga4_event_key() }} as event_key,
        case when {{ ga4_has_session() }} then {{ ga4_session_key() }} end as session_key,
        {{ ga4_event_columns() | join(',\n        ') }},
        hit_number,

        -- said in other words
        {{ timestamp_from_micros('event_timestamp') }} as event_at,
        {{ ga4_event_order() }} as event_order,
        {{ path_of_page('page_location') }} as page_path,
        case
            when {{ transaction_id_kind('ecommerce_transaction_id') }} = 'real'
                then trim(ecommerce_transaction_id)
            when {{ transaction_id_kind('param_transaction_id') }} = 'real'
                then trim(param_transaction_id)
            else coalesce(ecommerce_transaction_id, param_transaction_id)
        end as transaction_id,

        -- whether people did it
        coalesce(traffic_type in ('internal', 'developer'), false) as is_internal,
        coalesce(debug_mode in ('1', 'true'), false) as is_debug,
        coalesce(
            platform = 'WEB'
            and page_location is null
            and hostname is null
            and batch_page_id is null,
            false
        ) as is_measurement_protocol
    from hits

)

select * from final
