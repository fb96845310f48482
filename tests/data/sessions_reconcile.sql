-- every event that has a session is counted in it, once
with counted_by_day as (

    select coalesce(sum(events), 0) as events
    from {{ ref('ga4_session_days') }}

),

counted as (

    select coalesce(sum(events), 0) as events
    from {{ ref('sessions') }}

)

select counted_by_day.events as day_events, counted.events as session_events
from counted_by_day
cross join counted
where counted_by_day.events <> counted.events
