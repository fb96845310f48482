-- nothing leaves for a person of whom no channel of the audience is allowed
select braze.person_id, braze.field
from {{ ref('sync_braze__users') }} as braze
left join {{ ref('audience_members') }} as members
    on braze.person_id = members.person_id
    and braze.field = concat('madang_', members.audience)
where braze.held_back_reason is null and not coalesce(members.is_contactable, false)
