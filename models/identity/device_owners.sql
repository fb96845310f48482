-- who a browser or an app instance belonged to, and when; built from logins, never from what came later
with logins as (

    select user_pseudo_id as device_id, user_id, session_key, event_at, event_order
    from {{ ref('stg_ga4__events') }}
    where user_pseudo_id is not null and user_id is not null

),

session_starts as (

    select session_key, min(event_at) as session_started_at
    from {{ ref('stg_ga4__events') }}
    where session_key is not null
    group by session_key

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

sightings as (

    select logins.device_id, logins.session_key, user_ids.person_id, logins.event_at, logins.event_order
    from logins
    inner join user_ids on logins.user_id = user_ids.user_id

),

-- a device on which several people log in names only who is logged in at that moment
private_devices as (

    select device_id
    from sightings
    group by device_id
    having count(distinct person_id) < {{ var('shared_device_persons') }}

),

with_previous as (

    select
        sightings.*,
        lag(sightings.person_id) over in_order as previous_person_id,
        lag(sightings.event_at) over in_order as previous_event_at,
        lag(sightings.session_key) over in_order as previous_session_key
    from sightings
    inner join private_devices on sightings.device_id = private_devices.device_id
    window in_order as (partition by sightings.device_id order by sightings.event_order)

),

-- a run of one person's sightings: it ends where somebody else logs in, or where nobody was seen for the time-to-live
numbered as (

    select
        device_id,
        person_id,
        session_key,
        previous_session_key,
        event_at,
        event_order,
        sum(
            case
                when previous_person_id = person_id
                    and event_at <= {{ timestamp_plus('previous_event_at', var('device_ttl_days'), 'day') }}
                    then 0
                else 1
            end
        ) over (
            partition by device_id order by event_order
            rows between unbounded preceding and current row
        ) as run_number
    from with_previous

),

runs as (

    select
        device_id,
        run_number,
        person_id,
        {{ first_by('session_key', 'event_order') }} as first_session_key,
        {{ first_by("coalesce(previous_session_key, '')", 'event_order') }} as session_key_before,
        min(event_at) as first_login_at,
        max(event_at) as last_login_at,
        count(*) as evidence_count
    from numbered
    group by device_id, run_number, person_id

),

-- who logs in during a session was there from its start, unless somebody else was logged in before them in it
started as (

    select
        runs.device_id,
        runs.run_number,
        runs.person_id,
        runs.first_login_at,
        runs.last_login_at,
        runs.evidence_count,
        case
            when runs.first_session_key = runs.session_key_before then runs.first_login_at
            else coalesce(session_starts.session_started_at, runs.first_login_at)
        end as started_at
    from runs
    left join session_starts on runs.first_session_key = session_starts.session_key

),

bounded as (

    select
        *,
        {{ timestamp_plus('last_login_at', var('device_ttl_days'), 'day') }} as lives_until,
        lead(started_at) over (partition by device_id order by run_number) as next_started_at
    from started

),

final as (

    select
        device_id,
        person_id,
        case
            when run_number = 1 then {{ timestamp_plus('first_login_at', '-' ~ var('device_backfill_days'), 'day') }}
            else started_at
        end as valid_from,
        case
            when next_started_at < lives_until then next_started_at
            else lives_until
        end as valid_to,
        first_login_at,
        evidence_count
    from bounded

)

select * from final
