-- runs of one person's sightings on a device: logins, and records that were made there
with sightings as (

    select *
    from {{ device_sightings(ref('contested_devices')) }} as sightings

),

devices as (

    select
        device_id,
        count(distinct case when is_login then person_id end) as logged_in,
        count(distinct person_id) as seen
    from sightings
    group by device_id

),

-- where several people log in, only who is logged in at that moment is known; where records of
-- several were made, somebody made them for others, and no record says whose the device is
with_previous as (

    select
        sightings.*,
        lag(sightings.person_id) over in_order as previous_person_id,
        lag(sightings.lives_until) over in_order as previous_lives_until,
        lag(sightings.session_key) over in_order as previous_session_key
    from sightings
    inner join devices on sightings.device_id = devices.device_id
    where
        case
            when sightings.is_login then devices.logged_in < {{ var('shared_device_persons') }}
            else devices.seen < {{ var('record_shared_device_persons') }}
        end
    window in_order
        as (partition by sightings.device_id order by sightings.first_order, sightings.person_id)

),

-- a run ends where somebody else is seen, or where nobody was for the time-to-live
numbered as (

    select
        *,
        sum(case
            when previous_person_id = person_id and first_at <= previous_lives_until then 0
            else 1
        end) over (
            partition by device_id order by first_order, person_id
            rows between unbounded preceding and current row
        ) as run_number
    from with_previous

),

runs as (

    select
        device_id,
        run_number,
        person_id,
        {{ evidence_of_run('is_login') }} as rule,
        {{ first_by('session_key', 'first_order') }} as first_session_key,
        {{ first_by("coalesce(previous_session_key, '')", 'first_order') }} as session_key_before,
        min(first_at) as first_seen_at,
        min(owned_since) as owned_since,
        max(lives_until) as lives_until,
        cast(sum(events) as int64) as evidence_count
    from numbered
    group by device_id, run_number, person_id

),

session_starts as (

    select days.session_key, min(days.started_at) as started_at
    from {{ ref('ga4_session_days') }} as days
    inner join (select distinct first_session_key from runs) as firsts
        on days.session_key = firsts.first_session_key
    group by days.session_key

),

-- who is seen during a session was there from its start,
-- unless somebody else was seen before them in it
started as (

    select
        runs.*,
        case
            when runs.first_session_key = runs.session_key_before then runs.first_seen_at
            else coalesce(session_starts.started_at, runs.first_seen_at)
        end as started_at
    from runs
    left join session_starts on runs.first_session_key = session_starts.session_key

),

bounded as (

    select
        *,
        lead(started_at) over (partition by device_id order by run_number) as next_started_at
    from started

),

final as (

    select
        device_id,
        person_id,
        case when run_number = 1 then least(owned_since, started_at) else started_at end
            as valid_from,
        case when next_started_at < lives_until then next_started_at else lives_until end
            as valid_to,
        first_seen_at,
        rule,
        evidence_count
    from bounded

)

select * from final
