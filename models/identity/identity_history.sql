{{ config(materialized='view') }}

with changes as (

    select identifier_key, identifier_type, person_id, build, changed_at
    from {{ ref('identity_changes') }}

),

intervals as (

    select
        identifier_key,
        identifier_type,
        person_id,
        build,
        changed_at as valid_from,
        lead(changed_at) over (partition by identifier_key order by build) as valid_to
    from changes

),

-- a null person says that from then on the identifier named nobody
final as (

    select *
    from intervals
    where person_id is not null

)

select * from final
