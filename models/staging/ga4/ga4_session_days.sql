{%- set days = ga4_changed_days() -%}
{{ config(**built_by_day({'key_events': var('key_events')})) }}
{%- do overwrites_days(days) -%}

with events as (

    select
        property_id,
        stream_id,
        platform,
        user_pseudo_id,
        user_id,
        ga_session_id,
        ga_session_number,
        event_name,
        event_date,
        event_at,
        event_order,
        page_location,
        page_path,
        page_referrer,
        is_internal,
        is_debug,
        is_measurement_protocol,
        entrances,
        session_engaged,
        engagement_time_msec,
        device_category,
        browser,
        hostname,
        country,
        city,
        coalesce(nullif(collected_gclid, ''), nullif(param_gclid, '')) as gclid,
        nullif(collected_dclid, '') as dclid,
        coalesce(collected_source, param_source) as event_source,
        coalesce(collected_medium, param_medium) as event_medium,
        coalesce(collected_campaign, param_campaign) as event_campaign,
        nullif(collected_campaign_id, '') as event_campaign_id,
        last_click_source,
        last_click_medium,
        last_click_campaign,
        nullif(last_click_campaign_id, '') as last_click_campaign_id,
        last_click_channel_group,
        last_click_platform,
        last_click_detail
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }} and {{ ga4_has_session() }}

),

with_touch as (

    select
        *,
        coalesce(event_source, case when gclid is not null then 'google' end) as touch_source,
        coalesce(event_medium, case when gclid is not null then 'cpc' end) as touch_medium,
        event_source is not null or event_medium is not null or gclid is not null as has_touch,
        event_source is null and event_medium is null as is_by_click_id,
        last_click_source is not null as is_answered
    from events

),

-- the first event that says where it came from speaks for the session, with all that it says
final as (

    select
        {{ ga4_session_key() }} as session_key,
        event_date,
        property_id,
        min(stream_id) as stream_id,
        min(platform) as platform,
        user_pseudo_id as device_id,
        ga_session_id,
        min(ga_session_number) as ga_session_number,
        min(event_at) as started_at,
        max(event_at) as ended_at,
        count(*) as events,
        count(case when event_name in ('page_view', 'screen_view') then 1 end) as page_views,
        count(case when event_name = 'purchase' then 1 end) as purchase_events,
        count(case when event_name in ({{ text_literals(var('key_events')) }}) then 1 end)
            as key_events,
        count(case when is_internal then 1 end) as internal_events,
        count(case when is_debug then 1 end) as debug_events,
        count(case when is_measurement_protocol then 1 end) as measurement_protocol_events,
        max(entrances) as entrances,
        cast(sum({{ number_within('engagement_time_msec', '1e9') }}) as int64) as engagement_msec,
        max(case when session_engaged in ('1', 'true') then 1 else 0 end) as engaged_parameter,
        {{ first_by('user_id', 'event_order') }} as first_user_id,
        {{ first_by('page_location', 'event_order') }} as landing_page,
        {{ first_by('page_path', 'event_order') }} as landing_path,
        {{ first_by('page_referrer', 'event_order') }} as landing_referrer,
        {{ first_by('hostname', 'event_order') }} as hostname,
        {{ first_by('device_category', 'event_order') }} as device_category,
        {{ first_by('browser', 'event_order') }} as browser,
        {{ first_by('country', 'event_order') }} as country,
        {{ first_by('city', 'event_order') }} as city,
        {{ first_by('gclid', 'event_order') }} as gclid,
        {{ first_by('dclid', 'event_order') }} as dclid,
        {{ first_by('case when has_touch then is_by_click_id end', 'event_order') }}
            as is_touch_by_click_id,
        {{ first_by(
            "case when has_touch then coalesce(touch_source, '(not set)') end", 'event_order'
        ) }} as touch_source,
        {{ first_by(
            "case when has_touch then coalesce(touch_medium, '(none)') end", 'event_order'
        ) }} as touch_medium,
        {{ first_by(
            "case when has_touch then coalesce(event_campaign, '(not set)') end", 'event_order'
        ) }} as touch_campaign,
        {{ first_by('event_campaign_id', 'event_order') }} as touch_campaign_id,
        {{ first_by('last_click_source', 'event_order') }} as last_click_source,
        {{ first_by(
            "case when is_answered then coalesce(last_click_medium, '(none)') end", 'event_order'
        ) }} as last_click_medium,
        {{ first_by(
            "case when is_answered then coalesce(last_click_campaign, '(not set)') end",
            'event_order'
        ) }} as last_click_campaign,
        {{ first_by('last_click_campaign_id', 'event_order') }} as last_click_campaign_id,
        {{ first_by('last_click_channel_group', 'event_order') }} as last_click_channel_group,
        {{ first_by('last_click_platform', 'event_order') }} as last_click_platform,
        {{ first_by('last_click_detail', 'event_order') }} as last_click_detail
    from with_touch
    group by property_id, user_pseudo_id, ga_session_id, event_date

)

select * from final
