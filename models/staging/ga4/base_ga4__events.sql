{%- set shards = ga4_changed_shards(ref('base_ga4__shards')) -%}
{%- set raw_events = ga4_events_of(shards) -%}
{{ config(**built_by_day(retyped="ga4_asked_columns()", more={
    'require_partition_filter': requires_day_filter(),
    'cluster_by': clustered_by(['event_name', 'user_pseudo_id']),
    'post_hook': when_written(["{{ ga4_tell_hits_apart() }}", "{{ ga4_record_days() }}"]),
})) }}
{%- do overwrites_days(shards | map(attribute='day') | unique | list) -%}

with {{ ga4_repeated_hits(raw_events) }}

source as (

    {{ raw_events }}

),

taken_apart as (

    select
        *,
        {{ ga4_hit_number() }} as hit_number
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
        stream_id,
        platform,
        user_pseudo_id,
        nullif(trim(user_id), '') as user_id,
        event_bundle_sequence_id,
        batch_page_id,
        batch_ordering_id,
        batch_event_index,
        hit_number,
        {{ ga4_content_key() }} as content_key,

        -- what happened
        event_name,
        {{ date_from_suffix('event_date') }} as event_date,
        event_timestamp,
        ecommerce.transaction_id as ecommerce_transaction_id,
        {{ number_within('ecommerce.purchase_revenue') }} as purchase_revenue,
        {{ number_within('ecommerce.refund_value') }} as refund_value,

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
        collected_traffic_source.manual_campaign_id as collected_campaign_id,
        collected_traffic_source.manual_term as collected_term,
        collected_traffic_source.manual_content as collected_content,
        collected_traffic_source.gclid as collected_gclid,
        collected_traffic_source.dclid as collected_dclid,
        collected_traffic_source.srsltid as collected_srsltid,
        {{ ga4_last_click(shards) }}
        is_active_user,
        privacy_info.analytics_storage,

        -- what the project asked for
        {% for name, expression in ga4_further_fields().items() -%}
        {{ expression }} as {{ name }},
        {% endfor -%}
        {% for name, type in var('ga4_user_properties').items() -%}
        {{ ga4_param_in('user_properties', name, type) }} as user_{{ name }},
        {% endfor -%}
        {% for name, type in ga4_params().items() -%}
        {{ ga4_param(name, type) }} as {{ ga4_param_column(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
        {{- ga4_columns_for_notes() }}
    from looked_up

),

suspected as (

    select
        *,
        case
            {%- for text in ['user_id'] + ga4_personal_texts() %}
            when {{ ga4_is_personal(text) }} then true
            {%- endfor %}
            else false
        end as has_personal_data,
        {{ ga4_notes_on_numbers() }} as notes_on_numbers
    from renamed

),

masked as (

    select
        * replace (
            {% for text in ga4_personal_texts() -%}
            case when has_personal_data then {{ ga4_masked(text) }} else {{ text }} end
                as {{ text }},
            {% endfor -%}
            case when has_personal_data then {{ ga4_masked_id('user_id') }} else user_id end
                as user_id
        ),
        case
            when has_personal_data
                then {{ ga4_notes_on_masked(
                    ['user_id'] + ga4_personal_texts(), 'notes_on_numbers'
                ) }}
            else notes_on_numbers
        end as reading_notes
    from suspected

),

final as (

    {{ ga4_hits_as_written('masked') }}

)

select * from final
{{ ga4_kept_events(shards) }}
