-- who a browser or an app instance belonged to, and when; built from logins, never from what came later
with logins as (

    select device_id, user_id, session_key, first_at, last_at, first_order, events
    from {{ ref('ga4_logins') }}
    where device_id is not null

),

session_starts as (

    select session_key, min(started_at) as session_started_at
    from {{ ref('ga4_session_days') }}
    group by session_key

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

sightings as (

    select
        logins.device_id,
        logins.session_key,
        user_ids.person_id,
        logins.first_at,
        logins.last_at,
        logins.first_order,
        logins.events
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
        lag(sightings.last_at) over in_order as previous_last_at,
        lag(sightings.session_key) over in_order as previous_session_key
    from sightings
    inner join private_devices on sightings.device_id = private_devices.device_id
    window in_order as (partition by sightings.device_id order by sightings.first_order)

),

-- a run of one person's sightings: it ends where somebody else logs in, or where nobody was seen for the time-to-live
numbered as (

    select
        device_id,
        person_id,
        session_key,
        previous_session_key,
        first_at,
        last_at,
        first_order,
        events,
        sum(
            case
                when previous_person_id = person_id
                    and first_at <= {{ timestamp_plus('previous_last_at', var('device_ttl_days'), 'day') }}
                    then 0
                else 1
            end
        ) over (
            partition by device_id order by first_order
            rows between unbounded preceding and current row
        ) as run_number
    from with_previous

),

runs as (

    select
        device_id,
        run_number,
        person_id,
        {{ first_by('session_key', 'first_order') }} as first_session_key,
        {{ first_by("coalesce(previous_session_key, '')", 'first_order') }} as session_key_before,
        min(first_at) as first_login_at,
        max(last_at) as last_login_at,
        cast(sum(events) as int64) as evidence_count
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
