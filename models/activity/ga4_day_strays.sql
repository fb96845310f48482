-- the parts of sessions that lie on another day, by the property's time zone, than the shard that holds them
with parts as (

    select property_id, event_date, events, started_at, ended_at
    from {{ ref('ga4_session_days') }}

),

properties as (

    {{ ga4_properties() }}

),

dated as (

    select
        parts.property_id,
        parts.event_date,
        parts.events,
        {{ local_date('parts.started_at', 'properties.timezone') }} as started_date,
        {{ local_date('parts.ended_at', 'properties.timezone') }} as ended_date
    from parts
    inner join properties on parts.property_id = properties.property_id

),

strayed as (

    select
        property_id,
        event_date,
        case when started_date <> event_date then started_date else ended_date end as zone_date,
        events
    from dated
    where started_date <> event_date or ended_date <> event_date

),

both_sides as (

    select property_id, event_date, events as events_of, 1 as sessions_of, 0 as events_in, 0 as sessions_in
    from strayed

    union all

    select property_id, zone_date as event_date, 0 as events_of, 0 as sessions_of, events as events_in, 1 as sessions_in
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
