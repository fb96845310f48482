-- Who was where, and beside it what anybody could have known of it. Nothing in the truth follows a
-- rule of the product: it comes from the world that was made, until `until`.

-- Evidence says who was somewhere. On a browser of one's own or of the family it speaks for all
-- visits of that person; at a counter, where strangers take turns, for the one visit.
create table truth_places as
select
    visits.visit_no,
    visits.device_no,
    case when device_kind in ('personal', 'family') then visits.device_no else -visits.visit_no end
        as place_no
from visits
where not is_denied;

-- Whom a record names: by a number of theirs, or an address that is theirs alone.
create macro names_one(customer_no, email, phone_digits, p) as
    customer_no is not null
    or (email is not null and not p.uses_filler_email)
    or (phone_digits is not null and not p.shares_phone and not p.uses_branch_phone);

create table truth_named_ids as
select order_id as business_id, orders.person_no
from seen_orders as orders
inner join people as p on p.person_no = orders.person_no
where names_one(customer_no, orders.email, orders.phone_digits, p)
union
select application_id, outcomes.person_no
from seen_outcomes as outcomes
inner join people as p on p.person_no = outcomes.person_no
where application_id is not null
    and names_one(customer_no, null, outcomes.phone_digits, p)
union
select unnest([order_id, application_id]) as business_id, inquiries.person_no
from seen_inquiries as inquiries
inner join people as p on p.person_no = inquiries.person_no
where names_one(customer_no, inquiries.email, inquiries.phone_digits, p);

create table truth_evidence as
with told as (
    select
        place_no,
        actor_no as person_no,
        event_name = 'login' as is_login,
        true as is_sighting,
        false as is_record
    from seen
    inner join truth_places using (visit_no)
    where is_logged_in
    union all
    select place_no, truth_named_ids.person_no, false, false, true
    from seen
    inner join truth_places using (visit_no)
    left join purchase_ids on purchase_ids.event_no = seen.event_no
    left join applications on applications.event_no = seen.event_no
    inner join truth_named_ids
        on truth_named_ids.business_id
        = coalesce(purchase_ids.transaction_id, applications.application_id)
    where seen.event_name in ('purchase', 'generate_lead')
)

select
    place_no,
    person_no,
    bool_or(is_login) as by_login,
    bool_or(is_sighting) as by_sighting,
    bool_or(is_record) as by_record
from told
group by place_no, person_no;

create table truth_sessions as
select
    devices.user_pseudo_id,
    visits.ga_session_id,
    row_number() over (partition by seen.visit_no order by min(seen.event_us), min(event_no))
        as part,
    utc_at(min(seen.event_us)) as started_at,
    utc_at(max(seen.event_us)) as ended_at,
    actors.person as actor,
    bool_or(seen.event_name = 'login') as is_login,
    coalesce(any_value(by_login), false) as by_login,
    coalesce(any_value(by_sighting), false) as by_sighting,
    coalesce(any_value(by_record), false) as by_record,
    devices.kind as device_kind,
    count(*) as events,
    origins.channel_group,
    last_click.channel_group as last_click_channel_group,
    visits.campaign,
    origins.source,
    case when origins.click_id = 'gclid' then campaign_id_of(origins.origin_no)
        else linked_campaign_id(origins.origin_no) end as campaign_id
from seen
inner join visits using (visit_no)
inner join truth_places using (visit_no)
inner join devices on devices.device_no = seen.device_no
inner join origins on origins.origin_no = visits.origin_no
inner join origins as last_click on last_click.origin_no = visits.last_click_no
left join people as actors on actors.person_no = seen.actor_no
left join truth_evidence
    on truth_evidence.place_no = truth_places.place_no
    and truth_evidence.person_no = seen.actor_no
where not seen.is_from_server
group by
    seen.visit_no, devices.user_pseudo_id, visits.ga_session_id, actors.person,
    devices.kind, origins.channel_group, last_click.channel_group,
    visits.campaign, origins.source, origins.click_id,
    origins.origin_no;
