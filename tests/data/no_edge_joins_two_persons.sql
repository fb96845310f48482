-- the contraction is done: whatever is tied together is one person
select edges.left_key, edges.right_key
from {{ ref('identity_edges') }} as edges
left join (select distinct left_key, right_key from {{ ref('identity_cuts') }}) as cuts
    on edges.left_key = cuts.left_key
    and edges.right_key = cuts.right_key
inner join {{ ref('person_identifiers') }} as left_identifiers
    on edges.left_key = left_identifiers.identifier_key
inner join {{ ref('person_identifiers') }} as right_identifiers
    on edges.right_key = right_identifiers.identifier_key
where
    not edges.is_quarantined
    and cuts.left_key is null
    and left_identifiers.person_id <> right_identifiers.person_id
