with identifiers as (

    select
        identifier_key, identifier_type, identifier_value,
        first_seen_at, last_seen_at, quarantine_reason
    from {{ ref('identifiers') }}

),

rules as (

    select identifier_type, anchor_rank
    from {{ list_of('identifier_rules') }}

),

components as (

    select node_key, component_key
    from {{ ref('identity_components') }}

),

-- an identifier that nothing is tied to is a person of its own,
-- unless it is one that may not name anybody
labelled as (

    select
        identifiers.identifier_key,
        identifiers.identifier_type,
        identifiers.identifier_value,
        identifiers.first_seen_at,
        identifiers.last_seen_at,
        rules.anchor_rank,
        coalesce(cast(components.component_key as string), identifiers.identifier_key)
            as component_key
    from identifiers
    left join components on identifiers.identifier_key = components.node_key
    left join rules on identifiers.identifier_type = rules.identifier_type
    where identifiers.quarantine_reason is null

),

-- the anchor gives the person its id: the identifier seen first, and of these the strongest kind;
-- when two persons become one, the older id stays
anchored as (

    select
        component_key,
        identifier_key as anchor_key,
        identifier_type as anchor_type
    from labelled
    qualify row_number() over (
        partition by component_key
        order by
            coalesce(first_seen_at, {{ far_future() }}), anchor_rank, identifier_value
    ) = 1

),

final as (

    select
        anchored.anchor_key as person_id,
        labelled.component_key,
        min(anchored.anchor_type) as anchor_type,
        min(labelled.first_seen_at) as first_seen_at,
        max(labelled.last_seen_at) as last_seen_at,
        count(case when labelled.identifier_type = 'crm_id' then 1 end) as crm_ids,
        count(case when labelled.identifier_type = 'user_id' then 1 end) as user_ids,
        count(case when labelled.identifier_type = 'salesforce_id' then 1 end) as salesforce_ids,
        count(case when labelled.identifier_type = 'braze_id' then 1 end) as braze_ids,
        count(case when labelled.identifier_type = 'email' then 1 end) as emails,
        count(case when labelled.identifier_type = 'phone' then 1 end) as phones,
        count(case when labelled.identifier_type = 'chat_key' then 1 end) as chat_keys
    from labelled
    inner join anchored on labelled.component_key = anchored.component_key
    group by anchored.anchor_key, labelled.component_key

)

select * from final
