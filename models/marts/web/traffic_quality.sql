with sessions as (

    select
        property_id,
        session_date,
        traffic_kind,
        bot_reason,
        device_id,
        is_engaged,
        is_debug,
        events,
        page_views,
        key_events,
        purchase_events
    from {{ ref('sessions') }}

),

-- every session is in one row: all rows together are the figures with all traffic,
-- those of visitors the figures without programs and colleagues
final as (

    select
        property_id,
        session_date as activity_date,
        traffic_kind,
        coalesce(bot_reason, '(none)') as bot_reason,
        count(*) as sessions,
        count(case when is_engaged then 1 end) as engaged_sessions,
        count(case when is_debug then 1 end) as debug_sessions,
        count(distinct device_id) as devices,
        cast(sum(events) as int64) as events,
        cast(sum(page_views) as int64) as page_views,
        cast(sum(key_events) as int64) as key_events,
        cast(sum(purchase_events) as int64) as purchase_events
    from sessions
    group by property_id, session_date, traffic_kind, coalesce(bot_reason, '(none)')

)

select * from final
