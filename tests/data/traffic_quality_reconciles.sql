-- every session is in one row of the mart, and those of channel_days are as many
with marts as (

    select
        (select coalesce(sum(sessions), 0) from {{ ref('traffic_quality') }}) as quality_sessions,
        (select coalesce(sum(sessions), 0) from {{ ref('traffic_quality') }} where traffic_kind = 'visitor')
            as quality_visitors,
        (select coalesce(sum(sessions), 0) from {{ ref('channel_days') }}) as channel_sessions,
        (select coalesce(sum(visitor_sessions), 0) from {{ ref('channel_days') }}) as channel_visitors,
        (select count(*) from {{ ref('sessions') }}) as sessions

)

select *
from marts
where
    quality_sessions <> sessions
    or channel_sessions <> sessions
    or quality_visitors <> channel_visitors
