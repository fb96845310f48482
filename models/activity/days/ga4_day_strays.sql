-- the parts of sessions that lie on another day, by the property's time zone,
-- than the shard that holds them
with parts as (

    select property_id, event_date, events, started_at, ended_at
    from {{ ref('ga4_session_days') }}

),

properties as (

    {{ ga4_properties() }}

),

-- a zone is asked once a day, not once a session
days as (

    select
        dates.property_id,
        dates.event_date,
        properties.timezone,
        {{ timestamp_from_local_text('cast(dates.event_date as string)', 'properties.timezone') }}
            as day_from,
        {{ timestamp_from_local_text(
            'cast(' ~ date_plus('dates.event_date', 1) ~ ' as string)', 'properties.timezone'
        ) }} as day_to
    from (select distinct property_id, event_date from parts) as dates
    inner join properties on dates.property_id = properties.property_id

),

strayed as (

    select
        parts.property_id,
        parts.event_date,
        parts.events,
        case
            when parts.started_at < days.day_from or parts.started_at >= days.day_to
                then {{ local_date('parts.started_at', 'days.timezone') }}
            else {{ local_date('parts.ended_at', 'days.timezone') }}
        end as zone_date
    from parts
    inner join days
        on parts.property_id = days.property_id
        and parts.event_date = days.event_date
    where parts.started_at < days.day_from or parts.ended_at >= days.day_to

),

both_sides as (

    select
        property_id, event_date, events as events_of,
        1 as sessions_of, 0 as events_in, 0 as sessions_in
    from strayed

    union all

    select
        property_id, zone_date as event_date, 0 as events_of,
        0 as sessions_of, events as events_in, 1 as sessions_in
    from strayed

),

final as (

    select
        property_id,
        event_date,
        cast(sum(events_of) as int64) as events_of_other_days,
        cast(sum(sessions_of) as int64) as sessions_of_other_days,
        cast(sum(events_in) as int64) as events_in_other_days,
        cast(sum(sessions_in) as int64) as sessions_in_other_days
    from both_sides
    group by property_id, event_date

)

select * from final
