-- What really happened until `until`, from the world that was made, and beside it what anybody
-- could have known of it. Nothing here follows a rule of the product.

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
    visits.campaign
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
    seen.visit_no, devices.user_pseudo_id, visits.ga_session_id, actors.person, devices.kind,
    origins.channel_group, last_click.channel_group, visits.campaign;

-- What people did that audiences and funnels ask for, in three scopes: all of it, what logins and
-- sightings tell, and what records tell too.
create table truth_acts as
with done as (
    select
        actor_no as person_no,
        event_us,
        case
            when event_name = 'page_view' and path like '/models/%' then 'viewed_model'
            when event_name = 'page_view' then 'viewed_branch'
            else event_name
        end as act,
        case when event_name in ('page_view', 'select_tab') then split_part(path, '/', 3)
            else arg end as object,
        case when event_name = 'select_tab' then arg end as tab,
        coalesce(by_sighting, false) as by_login,
        coalesce(by_sighting or by_record, false) as by_record
    from seen
    left join truth_places using (visit_no)
    left join truth_evidence
        on truth_evidence.place_no = truth_places.place_no
        and truth_evidence.person_no = seen.actor_no
    where actor_no is not null
        -- A view that was reported twice took place once.
        and not is_echo
        and (
            (event_name = 'page_view' and (path like '/models/%' or path like '/branches/%'))
            or event_name in ('select_tab', 'apply_click', 'generate_lead')
        )
    union all
    -- Who came for a test drive, whoever applied for it.
    select
        outcomes.person_no,
        occurred_us,
        'visited',
        product,
        null,
        names_one(customer_no, null, outcomes.phone_digits, p),
        names_one(customer_no, null, outcomes.phone_digits, p)
    from seen_outcomes as outcomes
    inner join people as p on p.person_no = outcomes.person_no
    where status = 'visited'
)

select 'world' as scope, * from done
union all
select 'login', * from done where by_login
union all
select 'record', * from done where by_record;

create table truth_audience_scopes as
with recent as (
    select *
    from truth_acts
    where event_us >= getvariable('until_us') - us_days(30)
),

flagship as (
    select scope, person_no
    from recent
    where object = 'maru9'
    group by scope, person_no
    having count(*) filter (act = 'viewed_model') >= 3
        or count(*) filter (tab in ('exterior', 'driving', 'accessories')) >= 1
),

clicks as (
    select scope, person_no, max(event_us) as clicked_us
    from truth_acts
    where act = 'apply_click' and object = 'test_drive'
        and event_us >= getvariable('until_us') - us_days(14)
    group by scope, person_no
),

leads as (
    select scope, person_no, max(event_us) as applied_us
    from truth_acts
    where act = 'generate_lead' and object = 'test_drive'
    group by scope, person_no
)

select 'flagship_interest' as audience, scope, person_no from flagship
union all
select distinct 'yeouido_branch', scope, person_no
from recent
where act = 'viewed_branch' and object = 'yeouido'
union all
select 'test_drive_abandoners', scope, person_no
from clicks
left join leads using (scope, person_no)
where clicked_us <= getvariable('until_us') - us_hours(1)
    and coalesce(applied_us < clicked_us, true);

create table truth_audiences as
select
    audience,
    people.person,
    bool_or(scope = 'login') as by_login,
    bool_or(scope = 'record') as by_record
from truth_audience_scopes
inner join people using (person_no)
group by audience, people.person
having bool_or(scope = 'world');

-- Step by step: the latest beginning from which this step can still be reached in time.
create table truth_funnel_people as
with steps as (
    select scope || person_no as subject, *
    from truth_acts
    where act = 'viewed_model' or object = 'test_drive'
),

viewed as (
    select subject, event_us, event_us as began_us from steps where act = 'viewed_model'
),

clicked as (
    select click.subject, click.event_us, viewed.began_us
    from steps as click
    asof inner join viewed
        on viewed.subject = click.subject and viewed.event_us < click.event_us
    where click.act = 'apply_click' and click.event_us <= viewed.began_us + us_days(30)
),

completed as (
    select lead.subject, lead.event_us, clicked.began_us
    from steps as lead
    asof inner join clicked
        on clicked.subject = lead.subject and clicked.event_us < lead.event_us
    where lead.act = 'generate_lead' and lead.event_us <= clicked.began_us + us_days(30)
),

visited as (
    select visit.subject, visit.event_us, completed.began_us
    from steps as visit
    asof inner join completed
        on completed.subject = visit.subject and completed.event_us < visit.event_us
    where visit.act = 'visited' and visit.event_us <= completed.began_us + us_days(30)
),

reached as (
    select subject, 1 as depth from viewed
    union all select subject, 2 from clicked
    union all select subject, 3 from completed
    union all select subject, 4 from visited
),

deepest as (
    select subject, max(depth) as depth from reached group by subject
)

select
    people.person,
    max(depth) filter (scope = 'world') as depth,
    coalesce(max(depth) filter (scope = 'login'), 0) as depth_by_login,
    coalesce(max(depth) filter (scope = 'record'), 0) as depth_by_record
from (select distinct subject, scope, person_no from steps) as subjects
inner join deepest using (subject)
inner join people using (person_no)
group by people.person;

create table truth_funnel as
select
    step_number,
    step,
    (select count(*) from truth_funnel_people where depth >= step_number) as people
from (values (1, 'viewed_model'), (2, 'clicked_apply'), (3, 'completed_application'), (4, 'visited'))
    as s (step_number, step);

-- Strong identifiers, normalised, of everybody whom a record names.
create table truth_identifiers as
with held as (
    select 'crm_id' as identifier_type, customer_no as identifier_value, person from seen_crm_rows
    union
    select 'user_id', accounts.customer_no, people.person
    from (select distinct device_no, actor_no from seen where is_logged_in) as logins
    inner join accounts
        on accounts.device_no = logins.device_no and accounts.person_no = logins.actor_no
    inner join people on people.person_no = accounts.person_no
    union
    select 'email', email, person from seen_crm_rows where email is not null
    union
    select 'phone', '+82' || phone_digits, person from seen_crm_rows where phone_digits is not null
    union
    select 'email', email, person from seen_orders where email is not null
    union
    select 'phone', '+82' || phone_digits, person from seen_orders where phone_digits is not null
    union
    select 'phone', '+82' || seen_outcomes.phone_digits, people.person
    from seen_outcomes
    inner join people using (person_no)
    where seen_outcomes.phone_digits is not null
    union
    select 'email', email, person from seen_inquiries where email is not null
    union
    select 'phone', '+82' || phone_digits, person from seen_inquiries where phone_digits is not null
    union
    select 'braze_id', braze_events.user_id, seen_crm_rows.person
    from braze_events
    inner join seen_crm_rows on seen_crm_rows.customer_no = braze_events.external_user_id
    union
    select 'salesforce_id', contact_id, person from salesforce_contacts
)

select
    *,
    count(*) over (partition by identifier_type, identifier_value) > 1 as is_shared
from held;

create table truth_people as
select
    people.person,
    people.person_no,
    bool_or(identifier_type = 'crm_id') as is_customer,
    bool_or(identifier_type = 'user_id') as has_logged_in,
    bool_or(identifier_type = 'email') as has_email,
    bool_or(identifier_type = 'phone') as has_phone,
    count(*) filter (identifier_type = 'crm_id') as customer_numbers
from truth_identifiers
inner join people using (person)
group by people.person, people.person_no;

-- Whose each record is.
create table truth_records as
select 'crm' as source, customer_no as record_id, person from seen_crm_rows
union all
select 'shop', order_id, person from seen_orders
union all
select 'offline', outcome_id, people.person from seen_outcomes inner join people using (person_no)
union all
select 'inquiry', inquiry_id, person from seen_inquiries
union all
select 'salesforce', contact_id, person from salesforce_contacts
union all
select 'consent', consent_id, people.person
from consent_rows
inner join seen_consents using (consent_id)
inner join people using (person_no)
where not is_from_showroom;

create table truth_messages as
with answered as (
    select
        key,
        max(id) filter (event_type like '%.Send') as message_id,
        bool_or(event_type like '%.Delivery') as is_delivered,
        bool_or(event_type like '%Open' and note is null) as is_opened,
        bool_or(event_type like '%Click' and note is null) as is_clicked
    from braze_events
    group by key
)

select
    message_id,
    campaign_name,
    sends.channel,
    sends.person,
    utc_at(sent_us) as sent_at,
    is_delivered,
    is_opened,
    is_clicked,
    coalesce(permissions.is_allowed, false) as was_allowed
from sends
inner join answered using (key)
asof left join permissions
    on permissions.person_no = sends.person_no
    and permissions.channel = sends.channel
    and permissions.said_us <= sends.sent_us
where message_id is not null;

-- What is allowed at `until`: really, and as the files that are there by then can tell.
create table truth_contactability as
with now_standing as (
    select * from permissions where until_us is null
),

asked as (
    select
        truth_people.*,
        channel,
        case channel
            when 'email' then has_email
            when 'push' then false
            else has_phone
        end as has_address
    from truth_people
    cross join (values ('email'), ('sms'), ('kakao'), ('push')) as c (channel)
)

select
    asked.person,
    asked.channel,
    has_address and coalesce(is_allowed, false) as is_allowed,
    is_allowed as last_answer,
    said_in,
    has_address,
    coalesce(told_us <= getvariable('until_us'), true) as is_told
from asked
left join now_standing using (person_no, channel);

-- What became of each application that the export shows.
create table truth_conversions as
with fates as (
    select
        real_application_id as application_id,
        arg_max(status, occurred_us) as fate,
        bool_or(status = 'installed') and not bool_or(status in ('cancelled', 'reversed'))
            as is_kept,
        max(value) filter (status = 'installed') as installed_value,
        max(currency) filter (status = 'installed') as currency,
        bool_or(outcomes.application_id is not null) as is_noted
    from seen_outcomes as outcomes
    where real_application_id is not null
    group by real_application_id
)

select
    applications.application_id,
    applications.product,
    applicants.person as applicant,
    applications.person,
    utc_at(applications.event_us) as applied_at,
    coalesce(fates.fate, 'open') as fate,
    case when is_kept then installed_value else 0 end::decimal(18, 2) as value,
    fates.currency,
    coalesce(is_noted, false) as is_noted,
    applications.is_denied,
    coalesce(by_sighting, false) as by_login,
    coalesce(by_record, false) as by_record
from applications
inner join seen on seen.event_no = applications.event_no
inner join people as applicants on applicants.person_no = applications.actor_no
left join truth_places on truth_places.visit_no = applications.visit_no
left join truth_evidence
    on truth_evidence.place_no = truth_places.place_no
    and truth_evidence.person_no = applications.actor_no
left join fates on fates.application_id = applications.application_id;

create table truth_outcomes as
select
    outcome_id,
    real_application_id as application_id,
    application_id is not null as is_noted,
    people.person,
    product,
    status,
    utc_at(occurred_us) as occurred_at
from seen_outcomes
inner join people using (person_no);

-- Orders, and what the website told of them.
create table truth_orders as
with reported as (
    select
        orders.order_id,
        min_by(purchase_ids.transaction_id, seen.event_us) as transaction_id,
        max(revenue) as reported_revenue,
        count(*) as reports
    from seen
    inner join purchase_ids using (event_no)
    inner join orders on orders.order_id = purchase_ids.order_id
    where seen.event_name = 'purchase'
    group by orders.order_id
),

returned as (
    select purchase_ids.order_id, max(revenue) as reported_refund
    from seen
    inner join purchase_ids using (event_no)
    where seen.event_name = 'refund'
    group by purchase_ids.order_id
)

select
    order_id,
    person,
    fate_now as fate,
    amount,
    net_amount,
    currency,
    name_given != name as is_name_mistyped,
    is_online,
    devices.user_pseudo_id,
    visits.ga_session_id,
    coalesce(reports, 0) as reports,
    transaction_id,
    reported_revenue,
    reported_refund
from seen_orders
left join visits using (visit_no)
left join truth_places using (visit_no)
left join devices on devices.device_no = truth_places.device_no
left join reported using (order_id)
left join returned using (order_id);

create table truth_totals as
select
    'raw_events' as metric,
    event_date,
    case when event_date = kst_date(getvariable('until_us')) then 'intraday' else 'daily' end as kind,
    sum(copies)::double as value
from seen
group by event_date
union all
select 'distinct_events', event_date, null, count(*) from seen group by event_date
union all
select 'sessions', null, null, count(distinct visit_no)
from seen where not is_denied and not is_from_server
union all
select 'devices', null, null, count(distinct device_no)
from seen where not is_denied and not is_from_server
union all
select 'logins', null, null, count(*) from seen where event_name = 'login'
union all
select 'purchase_events_distinct', null, null, count(*) from seen where event_name = 'purchase'
union all
select 'purchase_revenue_distinct', null, null, coalesce(sum(revenue), 0)
from seen inner join purchase_ids using (event_no) where event_name = 'purchase'
union all
select 'refund_events_distinct', null, null, count(*) from seen where event_name = 'refund'
union all
select 'web_orders', null, null, count(*) from truth_orders where reports > 0;
