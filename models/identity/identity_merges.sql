{{ config(materialized='append_when_changed', schema='history') }}

{%- set log = logged() %}

with changes as (

    select identifier_key, person_id, previous_person_id, build, changed_at
    from {{ ref('identity_changes') }}

),

edges as (

    select left_key, right_key, rule, source, first_seen_at
    from {{ ref('identity_edges') }}
    where not is_quarantined

),

-- an id is the key of the identifier that gave it:
-- where that one has another person, the id is no more
former as (

    select
        previous_person_id as former_person_id,
        person_id,
        build,
        changed_at,
        count(*) over (partition by person_id, build) as former_ids
    from changes
    where
        identifier_key = previous_person_id
        and person_id is not null
        {% if log is none -%}
        and build > 1
        {%- else -%}
        and build > (select coalesce(max(build), 1) from {{ log }})
        {%- endif %}

),

earlier as (

    select person_id, min(build) as first_build
    from changes
    where person_id is not null
    group by person_id

),

-- who had the former id until then
moved as (

    select former.former_person_id, former.build, changes.identifier_key
    from former
    inner join changes
        on former.former_person_id = changes.previous_person_id
        and former.build = changes.build

),

-- what ties them to somebody else since: the newest tie is why
bridges as (

    select
        moved.former_person_id,
        moved.build,
        edges.left_key,
        edges.right_key,
        edges.rule,
        edges.source
    from (
        select
            left_key, right_key, rule, source, first_seen_at,
            left_key as own_key, right_key as other_key
        from edges
        union all
        select
            left_key, right_key, rule, source, first_seen_at,
            right_key as own_key, left_key as other_key
        from edges
    ) as edges
    inner join moved on edges.own_key = moved.identifier_key
    left join moved as own
        on edges.other_key = own.identifier_key
        and moved.former_person_id = own.former_person_id
        and moved.build = own.build
    where own.identifier_key is null
    qualify row_number() over (
        partition by moved.former_person_id, moved.build
        order by edges.first_seen_at desc, edges.left_key, edges.right_key, edges.rule, edges.source
    ) = 1

),

final as (

    select
        former.former_person_id,
        former.person_id,
        case
            when former.former_ids > 1 or earlier.first_build < former.build then 'merged'
            else 'renamed'
        end as kind,
        former.build,
        former.changed_at as merged_at,
        bridges.left_key,
        bridges.right_key,
        bridges.rule,
        bridges.source
    from former
    inner join earlier on former.person_id = earlier.person_id
    left join bridges
        on former.former_person_id = bridges.former_person_id
        and former.build = bridges.build

)

select * from final
