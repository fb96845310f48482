-- who a browser or an app instance belonged to, and when; built from logins, never from what came later
with logins as (

    select user_pseudo_id as device_id, user_id, event_at, event_order
    from {{ ref('stg_ga4__events') }}
    where user_pseudo_id is not null and user_id is not null

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

sightings as (

    select logins.device_id, user_ids.person_id, logins.event_at, logins.event_order
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
        sightings.device_id,
        sightings.person_id,
        sightings.event_at,
        sightings.event_order,
        lag(sightings.person_id) over (
            partition by sightings.device_id order by sightings.event_order
        ) as previous_person_id,
        lag(sightings.event_at) over (
            partition by sightings.device_id order by sightings.event_order
        ) as previous_event_at
    from sightings
    inner join private_devices on sightings.device_id = private_devices.device_id

),

-- a run of one person's sightings: it ends where somebody else logs in, or where nobody was seen for the time-to-live
numbered as (

    select
        device_id,
        person_id,
        event_at,
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
        min(event_at) as first_login_at,
        max(event_at) as last_login_at,
        count(*) as evidence_count
    from numbered
    group by device_id, run_number, person_id

),

bounded as (

    select
        device_id,
        run_number,
        person_id,
        first_login_at,
        evidence_count,
        {{ timestamp_plus('last_login_at', var('device_ttl_days'), 'day') }} as lives_until,
        lead(first_login_at) over (partition by device_id order by run_number) as next_login_at
    from runs

),

final as (

    select
        device_id,
        person_id,
        case
            when run_number = 1 then {{ timestamp_plus('first_login_at', '-' ~ var('device_backfill_days'), 'day') }}
            else first_login_at
        end as valid_from,
        case
            when next_login_at < lives_until then next_login_at
            else lives_until
        end as valid_to,
        first_login_at,
        evidence_count
    from bounded

)

select * from final
