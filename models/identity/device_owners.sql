-- who a browser or an app instance belonged to, and when; never from what came later
with sightings as (

    select device_id, person_id, first_at, events, is_login, owned_since, lives_until
    from {{ device_sightings() }} as sightings

),

contested as (

    select device_id
    from {{ ref('contested_devices') }}

),

runs as (

    select *
    from {{ ref('device_runs') }}

),

cuts as (

    select *
    from {{ ref('device_cuts') }}

),

-- one person and no long pause: one interval
of_one_person as (

    select
        sightings.device_id,
        min(sightings.person_id) as person_id,
        min(sightings.owned_since) as valid_from,
        max(sightings.lives_until) as valid_to,
        min(sightings.first_at) as first_seen_at,
        {{ evidence_of_run('sightings.is_login') }} as rule,
        cast(sum(sightings.events) as int64) as evidence_count
    from sightings
    left join contested on sightings.device_id = contested.device_id
    where contested.device_id is null
    group by sightings.device_id

),

final as (

    select * from of_one_person

    union all

    select runs.*
    from runs
    left join (select distinct device_id from cuts) as visited on runs.device_id = visited.device_id
    where visited.device_id is null

    union all

    select * from cuts

)

select * from final
