{{ config(materialized='never_link_cuts') }}

-- the ties that count, and the pairs that people keep apart
with decisions as (

    select left_type, left_value, right_type, right_value
    from {{ ref('identity_decisions') }}
    where decision = 'never_link'

),

identifiers as (

    select identifier_key, identifier_type, identifier_value
    from {{ ref('identifiers') }}

),

final as (

    select
        'edge' as kind,
        left_key,
        right_key,
        rule = 'decided' as is_decided,
        evidence_count,
        first_seen_at
    from {{ ref('identity_edges') }}
    where not is_quarantined

    union all

    select
        'never_link' as kind,
        left_identifiers.identifier_key as left_key,
        right_identifiers.identifier_key as right_key,
        true as is_decided,
        cast(null as int64) as evidence_count,
        cast(null as timestamp) as first_seen_at
    from decisions
    inner join identifiers as left_identifiers
        on decisions.left_type = left_identifiers.identifier_type
        and decisions.left_value = left_identifiers.identifier_value
    inner join identifiers as right_identifiers
        on decisions.right_type = right_identifiers.identifier_type
        and decisions.right_value = right_identifiers.identifier_value

)

select * from final
