with events as (

    select
        session_key,
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
        entrances,
        session_engaged,
        engagement_time_msec,
        purchase_revenue,
        device_category,
        country,
        city,
        coalesce(collected_source, param_source, case when gclid is not null then 'google' end) as touch_source,
        coalesce(collected_medium, param_medium, case when gclid is not null then 'cpc' end) as touch_medium,
        coalesce(collected_campaign, param_campaign) as touch_campaign,
        gclid,
        last_click_source,
        last_click_medium,
        last_click_campaign,
        last_click_channel_group
    from (
        select *, coalesce(collected_gclid, param_gclid) as gclid
        from {{ ref('stg_ga4__events') }}
    ) as with_click_id
    where session_key is not null

),

with_touch as (

    select
        *,
        touch_source is not null or touch_medium is not null as has_touch,
        last_click_source is not null as is_answered
    from events

),

-- the first event that says where it came from speaks for the session, with all that it says
final as (

    select
        session_key,
        min(user_pseudo_id) as device_id,
        min(ga_session_id) as ga_session_id,
        min(ga_session_number) as ga_session_number,
        min(event_date) as session_date,
        min(event_at) as started_at,
        max(event_at) as ended_at,
        count(*) as events,
        count(case when event_name in ('page_view', 'screen_view') then 1 end) as page_views,
        max(entrances) as entrances,
        sum(engagement_time_msec) / 1000 as engagement_seconds,
        max(case when session_engaged in ('1', 'true') then 1 else 0 end) as engaged_parameter,
        count(case when event_name = 'purchase' then 1 end) as purchase_events,
        {{ first_by('user_id', 'event_order') }} as first_user_id,
        {{ first_by('page_location', 'event_order') }} as landing_page,
        {{ first_by('page_path', 'event_order') }} as landing_path,
        {{ first_by('page_referrer', 'event_order') }} as landing_referrer,
        {{ first_by('device_category', 'event_order') }} as device_category,
        {{ first_by('country', 'event_order') }} as country,
        {{ first_by('city', 'event_order') }} as city,
        {{ first_by('gclid', 'event_order') }} as gclid,
        {{ first_by("case when has_touch then coalesce(touch_source, '(not set)') end", 'event_order') }}
            as touch_source,
        {{ first_by("case when has_touch then coalesce(touch_medium, '(none)') end", 'event_order') }}
            as touch_medium,
        {{ first_by("case when has_touch then coalesce(touch_campaign, '(not set)') end", 'event_order') }}
            as touch_campaign,
        {{ first_by("last_click_source", 'event_order') }} as last_click_source,
        {{ first_by("case when is_answered then coalesce(last_click_medium, '(none)') end", 'event_order') }}
            as last_click_medium,
        {{ first_by("case when is_answered then coalesce(last_click_campaign, '(not set)') end", 'event_order') }}
            as last_click_campaign,
        {{ first_by("last_click_channel_group", 'event_order') }} as last_click_channel_group
    from with_touch
    group by session_key

)

select * from final
