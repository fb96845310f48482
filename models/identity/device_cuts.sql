-- devices on which others made records:
-- the intervals of their owners, with the visits of the others cut out
with owned as (

    select *
    from {{ ref('device_runs') }}

),

visits as (

    select device_id, person_id, valid_from, valid_to
    from {{ ref('record_visits') }}

),

-- a visit in which a record of somebody else was made is theirs
visits_of_others as (

    select visits.device_id, visits.person_id, visits.valid_from, visits.valid_to
    from visits
    left join owned
        on visits.device_id = owned.device_id
        and visits.person_id = owned.person_id
        and visits.valid_from >= owned.valid_from
        and visits.valid_to <= owned.valid_to
    where owned.device_id is null

),

cuts as (

    select
        owned.*,
        visits_of_others.valid_from as visit_from,
        visits_of_others.valid_to as visit_to
    from owned
    inner join visits_of_others
        on owned.device_id = visits_of_others.device_id
        and owned.valid_from < visits_of_others.valid_to
        and owned.valid_to > visits_of_others.valid_from

),

first_cuts as (

    select device_id, valid_from, min(visit_from) as visit_from
    from cuts
    group by device_id, valid_from

),

-- the owner's interval until the first such visit, from each of them to the next,
-- and the visits themselves
pieces as (

    select
        owned.device_id,
        owned.person_id,
        owned.valid_from,
        coalesce(first_cuts.visit_from, owned.valid_to) as valid_to,
        owned.first_seen_at,
        owned.rule,
        owned.evidence_count
    from owned
    inner join (select distinct device_id from visits_of_others) as visited
        on owned.device_id = visited.device_id
    left join first_cuts
        on owned.device_id = first_cuts.device_id
        and owned.valid_from = first_cuts.valid_from

    union all

    select
        device_id,
        person_id,
        visit_to as valid_from,
        coalesce(
            lead(visit_from) over (partition by device_id, valid_from order by visit_from), valid_to
        ) as valid_to,
        first_seen_at,
        rule,
        evidence_count
    from cuts

    union all

    select
        device_id,
        person_id,
        valid_from,
        valid_to,
        valid_from as first_seen_at,
        'record' as rule,
        1 as evidence_count
    from visits_of_others

),

final as (

    select *
    from pieces
    where valid_from < valid_to

)

select * from final
