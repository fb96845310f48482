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

-- GA4 counts whoever was in an engaged session, came for the first time,
-- or whose engagement was measured
active as (

    select
        parts.property_id,
        parts.event_date,
        count(case when parts.event_date > started.session_date then 1 end) as continued_sessions,
        count(distinct case
            when parts.engagement_msec is not null
                or parts.engaged_parameter = 1
                or parts.ga_session_number = 1
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

strays as (

    select *
    from {{ ref('ga4_day_strays') }}

),

amounts as (

    select *
    from {{ ref('ga4_day_amounts') }}

),

final as (

    select
        totals.property_id,
        totals.event_date,
        read_days.shard_kind,
        read_days.is_final,

        -- what the export holds, and what became of it
        read_days.row_count as exported_rows,
        case
            when not starts_with(read_days.shard_kind, 'ga360')
                then read_days.row_count - totals.events
        end as duplicate_rows,
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
        totals.debug_events,
        (totals.internal_events + totals.debug_events) * 2 > totals.events as is_mostly_own_traffic,
        totals.measurement_protocol_events,
        totals.masked_events,
        totals.unread_events,
        coalesce(strays.events_of_other_days, 0) as events_of_other_days,
        coalesce(strays.events_in_other_days, 0) as events_in_other_days,
        coalesce(strays.sessions_of_other_days, 0) as sessions_of_other_days,
        coalesce(strays.sessions_in_other_days, 0) as sessions_in_other_days,
        coalesce(strays.sessions_of_other_days, 0) > greatest(2, totals.sessions / 100)
            as is_of_another_zone,

        -- what GA4 shows
        totals.page_views,
        totals.key_events,
        totals.devices,
        totals.user_ids,
        coalesce(active.active_devices, 0) as active_devices,
        coalesce(sessions.sessions, 0) as sessions,
        coalesce(active.continued_sessions, 0) as continued_sessions,
        coalesce(sessions.engaged_sessions, 0) as engaged_sessions,
        coalesce(sessions.bot_sessions, 0) as bot_sessions,
        totals.purchases,

        -- amounts, in the property's currency
        coalesce(amounts.currency, {{ ga4_property_currency('totals.property_id') }}) as currency,
        coalesce(amounts.purchase_revenue, 0) as purchase_revenue,
        coalesce(amounts.refund_value, 0) as refund_value,
        coalesce(amounts.amounts_without_rate, 0) as amounts_without_rate,

        -- what the order rule makes of it
        coalesce(amounts.orders, 0) as orders,
        coalesce(amounts.order_revenue, 0) as order_revenue,
        coalesce(amounts.left_out_purchases, 0) as left_out_purchases,
        coalesce(amounts.left_out_revenue, 0) as left_out_revenue
    from totals
    left join read_days
        on totals.property_id = read_days.property_id
        and totals.event_date = read_days.event_date
    left join properties on totals.property_id = properties.property_id
    left join sessions
        on totals.property_id = sessions.property_id
        and totals.event_date = sessions.event_date
    left join active
        on totals.property_id = active.property_id
        and totals.event_date = active.event_date
    left join strays
        on totals.property_id = strays.property_id
        and totals.event_date = strays.event_date
    left join amounts
        on totals.property_id = amounts.property_id
        and totals.event_date = amounts.event_date

)

select * from final
