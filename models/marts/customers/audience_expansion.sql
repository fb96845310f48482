{%- set leads = actions_meeting('application') + actions_meeting('order') -%}

-- of the people who visited: who left a lead, who is known by identity,
-- and who of each may be contacted
with policy as (

    select channel, purpose
    from {{ list_of('consent_policy') }}

),

sessions as (

    select person_id, device_id
    from {{ ref('sessions') }}
    where traffic_kind = 'visitor'

),

visitors as (

    select distinct person_id
    from sessions
    where person_id is not null

),

anonymous as (

    select count(distinct device_id) as unknown_devices
    from sessions
    where person_id is null

),

-- who told the website who they are, by an application or an order
leads as (

    select distinct person_id
    from {{ ref('activities') }}
    where
        action in ({{ text_literals(leads) }})
        and session_key is not null
        and person_id is not null

),

contactability as (

    select person_id, channel, purpose
    from {{ ref('contactability') }}
    where is_allowed

),

people as (

    select
        coalesce(visitors.person_id, leads.person_id) as person_id,
        leads.person_id is not null as is_lead
    from visitors
    full outer join leads on visitors.person_id = leads.person_id

),

totals as (

    select
        count(*) as identified,
        count(case when is_lead then 1 end) as leads
    from people

),

reachable as (

    select
        contactability.channel,
        contactability.purpose,
        count(*) as reachable_after,
        count(case when people.is_lead then 1 end) as reachable_before
    from people
    inner join contactability on people.person_id = contactability.person_id
    group by contactability.channel, contactability.purpose

),

summed as (

    select
        policy.channel,
        policy.purpose,
        totals.identified,
        totals.leads,
        coalesce(reachable.reachable_after, 0) as reachable_after,
        coalesce(reachable.reachable_before, 0) as reachable_before
    from policy
    cross join totals
    left join reachable
        on policy.channel = reachable.channel
        and policy.purpose = reachable.purpose

),

final as (

    select
        summed.channel,
        summed.purpose,
        summed.leads,
        summed.reachable_before,
        summed.identified,
        summed.reachable_after,
        summed.reachable_after - summed.reachable_before as gained,
        summed.identified - summed.reachable_after as identified_not_contactable,
        anonymous.unknown_devices
    from summed
    cross join anonymous

)

select * from final
