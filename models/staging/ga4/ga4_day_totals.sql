{%- set days = ga4_changed_days() -%}
{{ config(**built_by_day({'key_events': var('key_events')})) }}
{%- do overwrites_days(days) -%}

with events as (

    select
        property_id,
        event_date,
        event_name,
        user_pseudo_id,
        user_id,
        session_key,
        is_internal,
        is_debug,
        is_measurement_protocol,
        has_personal_data,
        reading_notes
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }}

),

final as (

    select
        property_id,
        event_date,
        count(*) as events,
        count(distinct user_pseudo_id) as devices,
        count(distinct session_key) as sessions,
        count(distinct user_id) as user_ids,
        count(case when user_pseudo_id is null then 1 end) as events_without_device,
        count(case when session_key is null then 1 end) as events_without_session,
        count(case when user_id is not null then 1 end) as events_with_user_id,
        count(case when is_internal then 1 end) as internal_events,
        count(case when is_debug and not is_internal then 1 end) as debug_events,
        count(case when is_measurement_protocol then 1 end) as measurement_protocol_events,
        count(case when has_personal_data then 1 end) as masked_events,
        count(case when {{ regex_matches('reading_notes', ':(not|too)_') }} then 1 end)
            as unread_events,
        count(case when event_name in ('page_view', 'screen_view') then 1 end) as page_views,
        count(case when event_name in ({{ text_literals(var('key_events')) }}) then 1 end)
            as key_events,
        count(case when event_name in ('purchase', 'in_app_purchase') then 1 end) as purchases
    from events
    group by property_id, event_date

)

select * from final
