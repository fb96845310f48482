with totals as (

    select *
    from {{ ref('ga4_day_totals') }}

),

read_days as (

    select property_id, event_date, shard_kind, is_final, row_count
    from {{ ref('ga4_partitions') }}

),

properties as (

    {{ ga4_properties() }}

),

started as (

    select session_key, property_id, session_date, is_engaged, is_bot
    from {{ ref('sessions') }}

),

-- GA4 counts whoever was in an engaged session, came for the first time, or whose engagement was measured
seen as (

    select
        parts.property_id,
        parts.event_date,
        count(case when parts.event_date > started.session_date then 1 end) as continued_sessions,
        count(distinct case
            when parts.engagement_msec is not null or parts.engaged_parameter = 1 or parts.ga_session_number = 1
                then parts.device_id
        end) as active_devices
    from {{ ref('ga4_session_days') }} as parts
    inner join started on parts.session_key = started.session_key
    group by parts.property_id, parts.event_date

),

sessions as (

    select
        property_id,
        session_date as event_date,
        count(*) as sessions,
        count(case when is_engaged then 1 end) as engaged_sessions,
        count(case when is_bot then 1 end) as bot_sessions
    from started
    group by property_id, session_date

),

orders as (

    select
        property_id,
        event_date,
        count(case when order_status = 'counted' then 1 end) as orders,
        sum(case when order_status = 'counted' then revenue end) as order_revenue,
        count(case when order_status <> 'counted' then 1 end) as left_out_purchases,
        sum(case when order_status <> 'counted' then revenue end) as left_out_revenue
    from {{ ref('web_purchases') }}
    group by property_id, event_date

),

final as (

    select
        totals.property_id,
        totals.event_date,
        read_days.shard_kind,
        read_days.is_final,

        -- what the export holds, and what became of it
        read_days.row_count as exported_rows,
        case when not starts_with(read_days.shard_kind, 'ga360') then read_days.row_count - totals.events end
            as duplicate_rows,
        coalesce(
            read_days.shard_kind = 'daily'
            and properties.edition = 'standard'
            and coalesce(read_days.row_count, totals.events) >= {{ ga4_daily_limit() }},
            false
        ) as is_at_export_limit,
        totals.events,
        totals.events_without_device,
        totals.events_without_session,
        totals.internal_events,
        totals.measurement_protocol_events,
        totals.masked_events,
        totals.unread_events,

        -- what GA4 shows
        totals.page_views,
        totals.key_events,
        totals.devices,
        totals.user_ids,
        coalesce(seen.active_devices, 0) as active_devices,
        coalesce(sessions.sessions, 0) as sessions,
        coalesce(seen.continued_sessions, 0) as continued_sessions,
        coalesce(sessions.engaged_sessions, 0) as engaged_sessions,
        coalesce(sessions.bot_sessions, 0) as bot_sessions,
        totals.purchases,
        totals.purchase_revenue,
        totals.refund_value,

        -- what the order rule makes of it
        coalesce(orders.orders, 0) as orders,
        coalesce(orders.order_revenue, 0) as order_revenue,
        coalesce(orders.left_out_purchases, 0) as left_out_purchases,
        coalesce(orders.left_out_revenue, 0) as left_out_revenue
    from totals
    left join read_days
        on totals.property_id = read_days.property_id
        and totals.event_date = read_days.event_date
    left join properties on totals.property_id = properties.property_id
    left join sessions
        on totals.property_id = sessions.property_id
        and totals.event_date = sessions.event_date
    left join seen
        on totals.property_id = seen.property_id
        and totals.event_date = seen.event_date
    left join orders
        on totals.property_id = orders.property_id
        and totals.event_date = orders.event_date

)

select * from final
