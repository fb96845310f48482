{%- set shards = ga4_changed_shards(ref('base_ga4__shards')) -%}
{{ config(
    materialized='incremental',
    incremental_strategy=overwrite_days_strategy(),
    on_schema_change='append_new_columns',
    partition_by=partitioned_by_day('event_date'),
    partitions=[],
    require_partition_filter=requires_day_filter(),
    cluster_by=clustered_by(['event_name', 'user_pseudo_id']),
    pre_hook="{{ ga4_forget_days() }}",
    post_hook="{{ ga4_record_days() }}",
    meta={'overwritten_by': 'event_date'}
) }}
{%- do overwrites_days(shards | map(attribute='day') | unique | list) -%}

with source as (

    {{ ga4_events_of(shards) }}

),

taken_apart as (

    select
        *
        {{- ga4_param_lists() }}
    from source

),

looked_up as (

    select
        *
        {{- ga4_param_places() }}
    from taken_apart

),

renamed as (

    select
        -- ids
        property_id,
        user_pseudo_id,
        nullif(trim(user_id), '') as user_id,
        stream_id,
        platform,
        event_bundle_sequence_id,
        batch_page_id,
        batch_ordering_id,
        batch_event_index,

        -- what happened
        event_name,
        {{ date_from_suffix('event_date') }} as event_date,
        {{ timestamp_from_micros('event_timestamp') }} as event_at,
        event_timestamp * 1000 + least(coalesce(batch_event_index, 0), 999) as event_order,
        ecommerce.transaction_id as ecommerce_transaction_id,
        ecommerce.purchase_revenue,
        ecommerce.refund_value,

        -- where and from where
        device.category as device_category,
        device.operating_system,
        coalesce(device.web_info.browser, device.browser) as browser,
        device.web_info.hostname,
        geo.country,
        geo.region,
        geo.city,
        collected_traffic_source.manual_source as collected_source,
        collected_traffic_source.manual_medium as collected_medium,
        collected_traffic_source.manual_campaign_name as collected_campaign,
        collected_traffic_source.gclid as collected_gclid,
        collected_traffic_source.dclid as collected_dclid,
        {{ ga4_last_click() }}
        privacy_info.analytics_storage,

        -- parameters
        {% for name, type in ga4_params().items() -%}
        {{ ga4_param(name, type) }} as {{ ga4_param_column(name) }},
        {% endfor %}
        shard_suffix
    from looked_up

),

keyed as (

    select
        *,
        coalesce(
            {{ real_transaction_id('ecommerce_transaction_id') }},
            {{ real_transaction_id('param_transaction_id') }},
            ecommerce_transaction_id,
            param_transaction_id
        ) as transaction_id,
        {{ regex_extract('page_location', '^https?://[^/?#]+(/[^?#]*)') }} as page_path,
        case
            when user_pseudo_id is not null and ga_session_id is not null
                then {{ surrogate_key(['property_id', 'user_pseudo_id', 'ga_session_id']) }}
        end as session_key,
        {{ surrogate_key([
            'stream_id', 'user_pseudo_id', 'event_order', 'event_name', 'event_bundle_sequence_id', 'batch_page_id',
            'batch_ordering_id', 'ga_session_id', 'page_location', 'ecommerce_transaction_id',
            float_text('purchase_revenue'),
        ]) }} as event_key
    from renamed

),

-- the same hit exported twice; the order is total, so the same copy stays every time
final as (

    select *
    from keyed
    qualify row_number() over (
        partition by event_date, event_key
        order by engagement_time_msec desc, page_title, value, last_click_source
    ) = 1

)

select * from final
{{ ga4_kept_events(shards) }}
