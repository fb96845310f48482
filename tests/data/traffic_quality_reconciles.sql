-- every session is in one row of the mart, and those of channel_days are as many
with counted as (

    select
        count(*) as sessions,
        count(case when traffic_kind = 'visitor' then 1 end) as visitors
    from {{ ref('sessions') }}

),

by_quality as (

    select
        coalesce(sum(sessions), 0) as sessions,
        coalesce(sum(case when traffic_kind = 'visitor' then sessions end), 0) as visitors
    from {{ ref('traffic_quality') }}

),

by_channel as (

    select
        coalesce(sum(sessions), 0) as sessions,
        coalesce(sum(visitor_sessions), 0) as visitors
    from {{ ref('channel_days') }}

)

select
    counted.sessions,
    counted.visitors,
    by_quality.sessions as quality_sessions,
    by_quality.visitors as quality_visitors,
    by_channel.sessions as channel_sessions,
    by_channel.visitors as channel_visitors
from counted
cross join by_quality
cross join by_channel
where
    by_quality.sessions <> counted.sessions
    or by_channel.sessions <> counted.sessions
    or by_quality.visitors <> counted.visitors
    or by_channel.visitors <> counted.visitors
