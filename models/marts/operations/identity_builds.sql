{{ config(materialized='append_when_changed', schema='history') }}

{%- set log = logged() %}

with changes as (

    select
        build,
        max(changed_at) as built_at,
        count(case when previous_person_id is not null then 1 end) as moved_identifiers
    from {{ ref('identity_changes') }}
    group by build

),

last_build as (

    select build, built_at, moved_identifiers
    from changes
    where build = (select max(every_build.build) from changes as every_build)

),

persons as (

    select
        count(*) as persons,
        count(case when user_ids > 0 then 1 end) as persons_with_login
    from {{ ref('persons') }}

),

identifiers as (

    select
        count(*) as identifiers,
        count(case when quarantine_reason is not null then 1 end) as quarantined_identifiers
    from {{ ref('identifiers') }}

),

merged as (

    select build, count(*) as merged_persons
    from {{ ref('identity_merges') }}
    where kind = 'merged'
    group by build

),

sessions as (

    select count(*) as sessions, count(person_id) as known_sessions
    from {{ ref('sessions') }}

),

final as (

    select
        last_build.build,
        last_build.built_at,
        persons.persons,
        persons.persons_with_login,
        identifiers.identifiers,
        identifiers.quarantined_identifiers,
        coalesce(merged.merged_persons, 0) as merged_persons,
        last_build.moved_identifiers,
        sessions.sessions,
        sessions.known_sessions
    from last_build
    cross join persons
    cross join identifiers
    cross join sessions
    left join merged on last_build.build = merged.build
    where {{ 'true' if log is none else 'last_build.build not in (select build from ' ~ log ~ ')' }}

)

select * from final
