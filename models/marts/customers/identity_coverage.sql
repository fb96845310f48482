with sessions as (

    select session_date, channel_group, person_id, device_id
    from {{ ref('sessions') }}
    where traffic_kind = 'visitor'

),

activities as (

    select
        activity_date,
        coalesce(channel_group, '(no web session)') as channel_group,
        action,
        source,
        object_id,
        subject_id,
        person_id,
        value,
        currency
    from {{ ref('activities') }}

),

changes as (

    {{ order_changes('activities') }}

),

session_days as (

    select
        session_date as activity_date,
        channel_group,
        count(distinct person_id) as known_people,
        count(distinct case when person_id is null then device_id end) as unknown_devices,
        count(person_id) as known_sessions,
        count(case when person_id is null then 1 end) as unknown_sessions
    from sessions
    group by session_date, channel_group

),

order_days as (

    select
        activity_date,
        channel_group,
        {{ sum_amounts('case when person_id is not null then value end') }} as known_order_amount,
        {{ sum_amounts('case when person_id is null then value end') }} as unknown_order_amount,
        {{ amounts_without_rate("case when action = 'ordered' then value end") }}
            as orders_without_rate
    from changes
    group by activity_date, channel_group

),

final as (

    select
        coalesce(session_days.activity_date, order_days.activity_date) as activity_date,
        coalesce(session_days.channel_group, order_days.channel_group) as channel_group,
        coalesce(session_days.known_people, 0) as known_people,
        coalesce(session_days.unknown_devices, 0) as unknown_devices,
        coalesce(session_days.known_sessions, 0) as known_sessions,
        coalesce(session_days.unknown_sessions, 0) as unknown_sessions,
        coalesce(order_days.known_order_amount, 0) as known_order_amount,
        coalesce(order_days.unknown_order_amount, 0) as unknown_order_amount,
        coalesce(order_days.orders_without_rate, 0) as orders_without_rate
    from session_days
    full outer join order_days
        on session_days.activity_date = order_days.activity_date
        and session_days.channel_group = order_days.channel_group

)

select * from final
