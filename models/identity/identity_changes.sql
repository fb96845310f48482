{{ config(materialized='append_when_changed', schema='history') }}

{%- set log = logged() %}

with current_persons as (

    select identifier_key, identifier_type, person_id
    from {{ ref('person_identifiers') }}

),

{% if log is none %}
final as (

    select
        identifier_key,
        identifier_type,
        person_id,
        cast(null as string) as previous_person_id,
        1 as build,
        {{ as_of() }} as changed_at
    from current_persons

)
{% else %}
logged as (

    select identifier_key, identifier_type, person_id
    from {{ log }}
    qualify row_number() over (partition by identifier_key order by build desc) = 1

),

builds as (

    select coalesce(max(build), 0) + 1 as build
    from {{ log }}

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
    where current_persons.person_id is distinct from logged.person_id

)
{% endif %}

select * from final
