-- who is never to be one person is not, and who must be one is,
-- unless a limit keeps one of the two out
select decisions.decision, decisions.left_value, decisions.right_value
from {{ ref('identity_decisions') }} as decisions
inner join {{ ref('person_identifiers') }} as left_identifiers
    on decisions.left_type = left_identifiers.identifier_type
    and decisions.left_value = left_identifiers.identifier_value
inner join {{ ref('person_identifiers') }} as right_identifiers
    on decisions.right_type = right_identifiers.identifier_type
    and decisions.right_value = right_identifiers.identifier_value
where
    (decisions.decision = 'never_link' and left_identifiers.person_id = right_identifiers.person_id)
    or (
        decisions.decision = 'must_link'
        and left_identifiers.person_id <> right_identifiers.person_id
    )

union all

select decisions.decision, decisions.left_value, decisions.right_value
from {{ ref('identity_decisions') }} as decisions
inner join {{ ref('person_identifiers') }} as excluded
    on decisions.left_type = excluded.identifier_type
    and decisions.left_value = excluded.identifier_value
where decisions.decision = 'exclude'
