-- everybody for whom a rule holds is either contactable or lost for one reason
select audience
from {{ ref('audience_waterfall') }}
group by audience
having
    sum(case when step = 'candidates' then subjects else 0 end)
    <> sum(case when step in ('lost', 'contactable') then subjects else 0 end)
    or sum(case when step = 'members' then subjects else 0 end)
    <> sum(case
        when (step = 'lost' and reason <> 'anonymous') or step = 'contactable' then subjects
        else 0
    end)
