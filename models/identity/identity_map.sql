with person_identifiers as (

    select identifier_type, identifier_value, person_id, rule, evidence_count
    from {{ ref('person_identifiers') }}

),

device_owners as (

    select device_id, person_id, valid_from, valid_to, rule, evidence_count
    from {{ ref('device_owners') }}

),

final as (

    select
        identifier_type,
        identifier_value,
        person_id,
        cast(null as timestamp) as valid_from,
        cast(null as timestamp) as valid_to,
        rule,
        evidence_count
    from person_identifiers

    union all

    select
        'device' as identifier_type,
        device_id as identifier_value,
        person_id,
        valid_from,
        valid_to,
        rule,
        evidence_count
    from device_owners

)

select * from final
