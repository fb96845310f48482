with identifiers as (

    select identifier_key, identifier_type, identifier_value, evidence_count, quarantine_reason
    from {{ ref('identifiers') }}

),

components as (

    select node_key, component_key
    from {{ ref('identity_components') }}

),

persons as (

    select person_id, component_key
    from {{ ref('persons') }}

),

final as (

    select
        identifiers.identifier_key,
        identifiers.identifier_type,
        identifiers.identifier_value,
        persons.person_id,
        case when components.node_key is null then 'alone' else 'linked' end as rule,
        identifiers.evidence_count
    from identifiers
    left join components on identifiers.identifier_key = components.node_key
    inner join persons
        on coalesce(cast(components.component_key as string), identifiers.identifier_key)
            = persons.component_key
    where identifiers.quarantine_reason is null

)

select * from final
