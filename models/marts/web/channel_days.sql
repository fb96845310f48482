with sessions as (

    select session_date, channel_group, is_engaged, person_id, traffic_kind
    from {{ ref('sessions') }}

),

-- what counts, of whatever source; an application that the website reports
-- twice under one number counts once
activities as (

    select
        activity_date,
        coalesce(channel_group, '(no web session)') as channel_group,
        action,
        source,
        object_id,
        subject_id,
        value,
        currency,
        fulfilled,
        row_number() over (
            partition by action, object_type, coalesce(object_id, activity_id)
            order by activity_order, activity_id
        ) as place
    from {{ ref('activities') }}
    where
        action in (
            'completed_application', 'ordered', 'refunded', 'partly_refunded', 'order_cancelled'
        )
        or fulfilled is not null

),

session_days as (

    select
        session_date as activity_date,
        channel_group,
        count(*) as sessions,
        count(case when is_engaged then 1 end) as engaged_sessions,
        count(person_id) as known_sessions,
        count(case when traffic_kind = 'visitor' then 1 end) as visitor_sessions,
        count(case when traffic_kind = 'visitor' and is_engaged then 1 end)
            as visitor_engaged_sessions
    from sessions
    group by session_date, channel_group

),

-- what happened counts on its day, and so does what was taken back,
-- both for the channel of its session
activity_days as (

    select
        activity_date,
        channel_group,
        count(case when action = 'completed_application' and place = 1 then 1 end) as applications,
        count(case when fulfilled = 1 then 1 end) as fulfilled,
        count(case when fulfilled = -1 then 1 end) as fulfilled_taken_back,
        count(case when action = 'ordered' then 1 end) as orders,
        count(case when action in ('refunded', 'order_cancelled') then 1 end) as orders_taken_back
    from activities
    group by activity_date, channel_group

),

with_rate as (

    {{ order_changes('activities') }}

),

order_days as (

    select
        activity_date,
        channel_group,
        {{ sum_amounts('value') }} as net_order_amount,
        {{ amounts_without_rate("case when action = 'ordered' then value end") }}
            as orders_without_rate
    from with_rate
    group by activity_date, channel_group

),

final as (

    select
        coalesce(session_days.activity_date, activity_days.activity_date) as activity_date,
        coalesce(session_days.channel_group, activity_days.channel_group) as channel_group,
        coalesce(session_days.sessions, 0) as sessions,
        coalesce(session_days.engaged_sessions, 0) as engaged_sessions,
        coalesce(session_days.known_sessions, 0) as known_sessions,
        coalesce(session_days.visitor_sessions, 0) as visitor_sessions,
        coalesce(session_days.visitor_engaged_sessions, 0) as visitor_engaged_sessions,
        coalesce(activity_days.applications, 0) as applications,
        coalesce(activity_days.fulfilled, 0) as fulfilled,
        coalesce(activity_days.fulfilled_taken_back, 0) as fulfilled_taken_back,
        coalesce(activity_days.orders, 0) as orders,
        coalesce(activity_days.orders_taken_back, 0) as orders_taken_back,
        coalesce(order_days.net_order_amount, 0) as net_order_amount,
        coalesce(order_days.orders_without_rate, 0) as orders_without_rate
    from session_days
    full outer join activity_days
        on session_days.activity_date = activity_days.activity_date
        and session_days.channel_group = activity_days.channel_group
    left join order_days
        on activity_days.activity_date = order_days.activity_date
        and activity_days.channel_group = order_days.channel_group

)

select * from final
