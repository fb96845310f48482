{{ config(materialized='append_when_changed', schema='history') }}

{%- set log = logged() %}

with current_persons as (

    select identifier_key, identifier_type, person_id
    from {{ ref('person_identifiers') }}

),

-- who they were when they last changed; nobody before the first build
logged as (

    {% if log is none -%}
    select identifier_key, identifier_type, person_id, cast(0 as int64) as build
    from current_persons
    where false
    {%- else -%}
    select identifier_key, identifier_type, person_id, build
    from {{ log }}
    qualify row_number() over (partition by identifier_key order by build desc) = 1
    {%- endif %}

),

builds as (

    select coalesce(max(build), 0) + 1 as build
    from logged

),

final as (

    select
        coalesce(current_persons.identifier_key, logged.identifier_key) as identifier_key,
        coalesce(current_persons.identifier_type, logged.identifier_type) as identifier_type,
        current_persons.person_id,
        logged.person_id as previous_person_id,
        builds.build,
        {{ as_of() }} as changed_at
    from current_persons
    full outer join logged on current_persons.identifier_key = logged.identifier_key
    cross join builds
    where coalesce(current_persons.person_id, '') <> coalesce(logged.person_id, '')

)

select * from final
