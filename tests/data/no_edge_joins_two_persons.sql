-- the contraction is done: whatever is tied together is one person
select edges.left_key, edges.right_key
from {{ ref('identity_edges') }} as edges
inner join {{ ref('person_identifiers') }} as left_identifiers
    on edges.left_type = left_identifiers.identifier_type
    and edges.left_value = left_identifiers.identifier_value
inner join {{ ref('person_identifiers') }} as right_identifiers
    on edges.right_type = right_identifiers.identifier_type
    and edges.right_value = right_identifiers.identifier_value
where not edges.is_quarantined and left_identifiers.person_id <> right_identifiers.person_id
