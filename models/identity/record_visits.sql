-- the visits in which a record came into the world: of its person, unless somebody else was logged
-- in. On a device of one person every visit is the owner's, so only contested devices are here
with sightings as (

    select sightings.device_id, sightings.session_key, sightings.person_id, sightings.event_at
    from {{ ref('record_sightings') }} as sightings
    inner join {{ ref('contested_devices') }} as contested
        on sightings.device_id = contested.device_id
    where sightings.person_id is not null

),

recorded as (

    select
        session_key,
        min(device_id) as device_id,
        min(person_id) as person_id,
        count(distinct person_id) as persons
    from sightings
    where session_key is not null
    group by session_key

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

-- a user id that names nobody is somebody, too
logged_in as (

    select
        logins.session_key,
        min(coalesce(user_ids.person_id, logins.user_id)) as first_person,
        max(coalesce(user_ids.person_id, logins.user_id)) as last_person
    from {{ ref('ga4_logins') }} as logins
    inner join recorded on logins.session_key = recorded.session_key
    left join user_ids on logins.user_id = user_ids.user_id
    group by logins.session_key

),

session_days as (

    select days.session_key, min(days.started_at) as started_at, max(days.ended_at) as ended_at
    from {{ ref('ga4_session_days') }} as days
    inner join recorded on days.session_key = recorded.session_key
    group by days.session_key

),

visits as (

    select
        recorded.session_key,
        recorded.device_id,
        recorded.person_id,
        session_days.started_at as valid_from,
        session_days.ended_at
    from recorded
    inner join session_days on recorded.session_key = session_days.session_key
    left join logged_in on recorded.session_key = logged_in.session_key
    where
        recorded.persons = 1
        and coalesce(logged_in.first_person, recorded.person_id) = recorded.person_id
        and coalesce(logged_in.last_person, recorded.person_id) = recorded.person_id

),

-- a clerk's visit has records of several persons: each is there only at the moment of theirs
moments as (

    select
        sightings.session_key,
        sightings.device_id,
        sightings.person_id,
        sightings.event_at as valid_from,
        sightings.event_at as ended_at
    from sightings
    left join recorded on sightings.session_key = recorded.session_key
    left join logged_in on sightings.session_key = logged_in.session_key
    where coalesce(recorded.persons, 2) > 1 and logged_in.session_key is null

),

combined as (

    select * from visits
    union all
    select * from moments

),

-- visits of one device do not overlap: the later one ends the earlier
bounded as (

    select
        *,
        {{ timestamp_plus('ended_at', 1, 'microsecond') }} as lives_until,
        lead(valid_from) over (
            partition by device_id order by valid_from, ended_at, session_key, person_id
        ) as next_from
    from combined

),

final as (

    select
        device_id,
        session_key,
        person_id,
        valid_from,
        case when next_from < lives_until then next_from else lives_until end as valid_to
    from bounded
    where next_from is null or next_from > valid_from

)

select * from final
