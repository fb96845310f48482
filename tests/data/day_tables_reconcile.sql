-- the narrow tables that are built day by day hold what the events say, no more and no less
{%- set days = ga4_days_built_last() %}

with events as (

    select
        event_date,
        count(session_key) as session_events,
        count(user_id) as login_events,
        count(case when event_name in ('purchase', 'in_app_purchase', 'refund') then 1 end)
            as purchase_events
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }}
    group by event_date

),

in_sessions as (

    select event_date, sum(events) as session_events
    from {{ ref('ga4_session_days') }}
    where {{ ga4_in_days(days) }}
    group by event_date

),

in_logins as (

    select event_date, sum(events) as login_events
    from {{ ref('ga4_logins') }}
    where {{ ga4_in_days(days) }}
    group by event_date

),

in_purchases as (

    select event_date, count(*) as purchase_events
    from {{ ref('ga4_purchases') }}
    where {{ ga4_in_days(days) }}
    group by event_date

)

select
    coalesce(
        events.event_date, in_sessions.event_date, in_logins.event_date, in_purchases.event_date
    ) as event_date,
    events.session_events,
    in_sessions.session_events as session_events_by_day,
    events.login_events,
    in_logins.login_events as login_events_by_day,
    events.purchase_events,
    in_purchases.purchase_events as purchase_events_by_day
from events
full outer join in_sessions on events.event_date = in_sessions.event_date
full outer join in_logins on events.event_date = in_logins.event_date
full outer join in_purchases on events.event_date = in_purchases.event_date
where
    coalesce(events.session_events, 0) <> coalesce(in_sessions.session_events, 0)
    or coalesce(events.login_events, 0) <> coalesce(in_logins.login_events, 0)
    or coalesce(events.purchase_events, 0) <> coalesce(in_purchases.purchase_events, 0)
