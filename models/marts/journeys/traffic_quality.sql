with sessions as (

    select
        property_id,
        session_date,
        traffic_kind,
        bot_reason,
        device_id,
        is_engaged,
        events,
        page_views,
        key_events,
        purchase_events
    from {{ ref('sessions') }}

),

-- every session is in one row: all rows together are the figures with programs, those of visitors the figures without
final as (

    select
        property_id,
        session_date as activity_date,
        traffic_kind,
        coalesce(bot_reason, '(none)') as bot_reason,
        count(*) as sessions,
        count(case when is_engaged then 1 end) as engaged_sessions,
        count(distinct device_id) as devices,
        sum(events) as events,
        sum(page_views) as page_views,
        sum(key_events) as key_events,
        sum(purchase_events) as purchase_events
    from sessions
    group by property_id, session_date, traffic_kind, coalesce(bot_reason, '(none)')

)

select * from final
