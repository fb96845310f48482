{{ config(materialized='view') }}

-- identifiers that name nobody, with whom they would put together
with hubs as (

    select *
    from {{ ref('identifiers') }}
    where quarantine_reason is not null

),

edges as (

    select left_key, right_key
    from {{ ref('identity_edges') }}
    where is_quarantined

),

persons as (

    select identifier_key, person_id
    from {{ ref('person_identifiers') }}

),

-- one row a hub and identifier that records tie to it
ties as (

    select hubs.identifier_key, edges.right_key as other_key
    from hubs
    inner join edges on hubs.identifier_key = edges.left_key

    union all

    select hubs.identifier_key, edges.left_key as other_key
    from hubs
    inner join edges on hubs.identifier_key = edges.right_key

),

counted as (

    select
        ties.identifier_key,
        count(distinct ties.other_key) as tied_identifiers,
        count(distinct persons.person_id) as persons_kept_apart
    from ties
    left join persons on ties.other_key = persons.identifier_key
    group by ties.identifier_key

),

final as (

    select
        hubs.identifier_key,
        hubs.identifier_type,
        hubs.identifier_value,
        hubs.quarantine_reason,
        hubs.names,
        hubs.crm_ids,
        hubs.emails,
        hubs.phones,
        hubs.devices,
        coalesce(counted.tied_identifiers, 0) as tied_identifiers,
        coalesce(counted.persons_kept_apart, 0) as persons_kept_apart,
        hubs.sources,
        hubs.evidence_count,
        hubs.first_seen_at,
        hubs.last_seen_at
    from hubs
    left join counted on hubs.identifier_key = counted.identifier_key

)

select * from final
