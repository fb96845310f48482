{{ config(
    materialized='days_when_changed',
    partition_by=partitioned_by_day('session_date'),
    meta={'adds_up': 'session_key'}
) }}
{%- set firsts = [
    'first_user_id', 'landing_page', 'landing_path', 'landing_referrer', 'hostname',
    'device_category', 'browser', 'country', 'city', 'gclid', 'dclid', 'is_touch_by_click_id',
    'touch_source', 'touch_medium', 'touch_campaign', 'touch_campaign_id', 'last_click_source',
    'last_click_medium', 'last_click_campaign', 'last_click_campaign_id',
    'last_click_channel_group', 'last_click_platform', 'last_click_detail',
] -%}

{%- set measures = [
    'property_id', 'stream_id', 'platform', 'device_id', 'ga_session_id', 'ga_session_number',
    'started_at', 'ended_at', 'events', 'page_views', 'purchase_events', 'key_events',
    'internal_events', 'debug_events', 'measurement_protocol_events', 'entrances',
    'engaged_parameter',
] -%}

-- read by each that needs it: DuckDB keeps in memory what a `with` says once for two readers,
-- with all its columns
{%- set session_days = ref('ga4_session_days') %}
{%- set is_touched = 'session_key in (select session_key from '
    ~ session_days ~ ' where event_date in {days})' %}

with of_several_days as (

    select session_key
    from {{ session_days }}
    where {{ of_days_to_build(is_touched) }}
    group by session_key
    having count(*) > 1

),

-- nearly every session is in one day, which says all about it
of_one_day as (

    select
        session_days.session_key,
        session_days.event_date as session_date,
        session_days.event_date as last_event_date,
        session_days.engagement_msec / 1000 as engagement_seconds,
        {% for column in measures + firsts -%}
        session_days.{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ session_days }} as session_days
    left join of_several_days on session_days.session_key = of_several_days.session_key
    where
        of_several_days.session_key is null
        and {{ of_days_to_build('session_days.event_date in {days}') }}

),

-- a session that crosses midnight is in two; what an earlier day says comes first
added_up as (

    select
        session_days.session_key,
        min(property_id) as property_id,
        min(stream_id) as stream_id,
        min(platform) as platform,
        min(device_id) as device_id,
        min(ga_session_id) as ga_session_id,
        min(ga_session_number) as ga_session_number,
        min(event_date) as session_date,
        max(event_date) as last_event_date,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        cast(sum(events) as int64) as events,
        cast(sum(page_views) as int64) as page_views,
        cast(sum(purchase_events) as int64) as purchase_events,
        cast(sum(key_events) as int64) as key_events,
        cast(sum(internal_events) as int64) as internal_events,
        cast(sum(debug_events) as int64) as debug_events,
        cast(sum(measurement_protocol_events) as int64) as measurement_protocol_events,
        max(entrances) as entrances,
        cast(sum(engagement_msec) as int64) / 1000 as engagement_seconds,
        max(engaged_parameter) as engaged_parameter,
        {% for column in firsts -%}
        {{ first_by(column, 'event_date') }} as {{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ session_days }} as session_days
    inner join of_several_days on session_days.session_key = of_several_days.session_key
    group by session_days.session_key

),

final as (

    {%- set columns = [
        'session_key', 'session_date', 'last_event_date', 'engagement_seconds'
    ] + measures + firsts %}

    select {{ columns | join(', ') }}
    from of_one_day

    union all

    select {{ columns | join(', ') }}
    from added_up
    where {{ of_days_to_build('session_date in {days}') }}

)

select * from final
