-- What a correct product may know at `until`, worked out from who people really are.

-- Ownership of devices, from the events that carry a user id.
create table truth_logins as
select device_no, visit_no, event_us, actor_no
from seen
where event_name = 'login';

create table truth_sightings as
select device_no, visit_no, event_us, actor_no
from seen
where is_logged_in;

create table truth_devices as
select
    device_no,
    count(distinct actor_no) >= 3 as is_shared,
    min(event_us) as first_us,
    arg_min(actor_no, event_us) as first_actor_no
from truth_sightings
group by device_no;

create table truth_visit_logins as
select
    visit_no,
    min(event_us) as first_us,
    arg_min(actor_no, event_us) as first_actor_no
from truth_sightings
group by visit_no;

create table truth_events as
with owned as (
    select
        seen.*,
        truth_devices.is_shared,
        truth_devices.first_us as device_first_us,
        truth_devices.first_actor_no as device_first_actor_no,
        truth_visit_logins.first_us as visit_first_us,
        truth_visit_logins.first_actor_no as visit_first_actor_no,
        truth_sightings.event_us as sighted_us,
        truth_sightings.actor_no as sighted_actor_no
    from seen
    left join truth_devices using (device_no)
    left join truth_visit_logins using (visit_no)
    asof left join truth_sightings
        on truth_sightings.device_no = seen.device_no
        and truth_sightings.event_us <= seen.event_us
)

select
    * exclude (
        device_first_us, device_first_actor_no, visit_first_us, visit_first_actor_no,
        sighted_us, sighted_actor_no
    ),
    case
        when is_denied or is_shared is null then null
        -- On a device that many log in on, only who is logged in is known.
        when is_shared then case when event_us >= visit_first_us then sighted_actor_no end
        -- Before a login, who was there in that visit is who logged in.
        when event_us < visit_first_us and visit_first_us > device_first_us
            then visit_first_actor_no
        when sighted_us is not null
            then case when event_us <= sighted_us + us_days(90) then sighted_actor_no end
        when event_us >= device_first_us - us_days(30) then device_first_actor_no
    end as known_no
from owned;

-- Who acts: the known person, else the browser; nobody where consent was declined.
create table truth_actions as
select
    event_no,
    copies,
    event_us,
    event_name,
    path,
    arg,
    actor_no,
    known_no,
    device_no,
    visit_no,
    case
        when is_denied then null
        when known_no is not null then 'P' || lpad((known_no + 1)::varchar, 7, '0')
        else 'D:' || (select user_pseudo_id from devices as d where d.device_no = truth_events.device_no)
    end as subject
from truth_events
where (event_name = 'page_view' and (path like '/models/%' or path like '/branches/%'))
    or event_name in ('select_tab', 'apply_click', 'generate_lead', 'purchase');

create table truth_audience_subjects as
with recent as (
    select *
    from truth_actions
    where subject is not null
        and event_us >= getvariable('until_us') - us_days(30)
),

flagship as (
    select subject
    from recent
    group by subject
    having count(*) filter (event_name = 'page_view' and path = '/models/maru9') >= 3
        or count(*) filter (
            event_name = 'select_tab' and arg in ('exterior', 'driving', 'accessories')
        ) >= 1
),

branch as (
    select distinct subject
    from recent
    where event_name = 'page_view' and path = '/branches/yeouido'
),

last_clicks as (
    select subject, max(event_us) as clicked_us
    from truth_actions
    where subject is not null
        and event_name = 'apply_click' and arg = 'test_drive'
        and event_us >= getvariable('until_us') - us_days(14)
    group by subject
),

abandoners as (
    select subject
    from last_clicks
    where clicked_us <= getvariable('until_us') - us_hours(1)
        and not exists (
            select 1
            from truth_actions as lead
            where lead.subject = last_clicks.subject
                and lead.event_name = 'generate_lead'
                and lead.arg = 'test_drive'
                and lead.event_us >= last_clicks.clicked_us
        )
)

select 'flagship_interest' as audience, subject from flagship
union all
select 'yeouido_branch', subject from branch
union all
select 'test_drive_abandoners', subject from abandoners;

-- Strong identifiers, normalised, of everybody whom a record names.
create table truth_identifiers as
with held as (
    select 'crm_id' as identifier_type, customer_no as identifier_value, person from seen_crm_rows
    union
    select 'user_id', accounts.customer_no, people.person
    from truth_logins
    inner join accounts
        on accounts.device_no = truth_logins.device_no
        and accounts.person_no = truth_logins.actor_no
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

-- The last yes or no counts, wherever it was said; a mail to a mailbox that is gone reaches nobody.
create table truth_contactability as
with said as (
    select person_no, channel, occurred_us, status from seen_consents where status <> 'confirmed'
    union all
    select
        person_no,
        'email',
        time * 1000000,
        case when event_type like '%.MarkAsSpam' then 'complained' else 'withdrawn' end
    from braze_events
    inner join seen_crm_rows on seen_crm_rows.customer_no = braze_events.external_user_id
    where event_type like '%.MarkAsSpam' or event_type like '%.Unsubscribe'
),

latest as (
    select
        person_no,
        channel,
        arg_max(status, (occurred_us, status <> 'granted')) as status,
        max(occurred_us) as said_us
    from said
    group by person_no, channel
),

gone as (
    select email_address, max(time) * 1000000 as gone_us
    from braze_events
    where event_type like '%.email.Bounce'
    group by email_address
),

mailboxes as (
    select person, count(*) as emails, count(gone_us) as emails_gone
    from truth_identifiers
    inner join people using (person)
    left join latest on latest.person_no = people.person_no and channel = 'email'
    left join gone on email_address = identifier_value and gone_us >= coalesce(said_us, 0)
    where identifier_type = 'email'
    group by person
),

asked as (
    select
        truth_people.*,
        c.channel,
        status,
        case c.channel when 'email' then has_email when 'push' then false else has_phone end
            as has_address,
        c.channel = 'email' and coalesce(emails = emails_gone, false) as is_gone
    from truth_people
    cross join (values ('email'), ('sms'), ('kakao'), ('push')) as c (channel)
    left join latest using (person_no, channel)
    left join mailboxes using (person)
)

select
    person,
    channel,
    coalesce(status = 'granted', false) and has_address and not is_gone as is_allowed,
    case
        when status is null then 'no_consent'
        when status <> 'granted' then status
        when not has_address then 'no_address'
        when is_gone then 'bounced'
        else 'allowed'
    end as reason
from asked;

create table truth_audience_contactable as
with asked as (
    select
        audience,
        subject as person,
        bool_or(is_allowed) as is_contactable,
        bool_or(reason = 'no_address') as lacks_address,
        bool_or(reason = 'bounced') as is_gone,
        bool_or(reason = 'complained') as has_complained,
        bool_or(reason = 'withdrawn') as has_withdrawn
    from truth_audience_subjects
    left join truth_contactability
        on truth_contactability.person = subject and channel in ('kakao', 'email')
    where subject like 'P%'
    group by audience, subject
)

select
    audience,
    person,
    coalesce(is_contactable, false) as is_contactable,
    case
        when is_contactable then 'allowed'
        when lacks_address then 'no_address'
        when is_gone then 'bounced'
        when has_complained then 'complained'
        when has_withdrawn then 'withdrawn'
        else 'no_consent'
    end as reason
from asked;

-- Offline outcomes belong to a person by application, else customer number, else phone, and else
-- to the browser that applied.
create table truth_visits_made as
with known_applications as (
    select applications.application_id, truth_actions.known_no, truth_actions.subject
    from applications
    inner join truth_actions
        on truth_actions.visit_no = applications.visit_no
        and truth_actions.event_name = 'generate_lead'
        and truth_actions.event_us = applications.event_us
),

phones as (
    select identifier_value, person
    from truth_identifiers
    where identifier_type = 'phone' and not is_shared
)

select
    outcome_id,
    coalesce(
        by_application.person, by_number.person, phones.person, known_applications.subject
    ) as subject,
    occurred_us as event_us
from seen_outcomes
left join known_applications using (application_id)
left join people as by_application on by_application.person_no = known_applications.known_no
left join seen_crm_rows as by_number on by_number.customer_no = seen_outcomes.customer_no
left join phones on phones.identifier_value = '+82' || seen_outcomes.phone_digits
where status = 'visited' and product = 'test_drive';

-- Step by step: the latest beginning from which this step can still be reached in time.
create table truth_funnel_subjects as
with viewed as (
    select subject, event_us, event_us as began_us
    from truth_actions
    where subject is not null and event_name = 'page_view' and path like '/models/%'
),

clicked as (
    select click.subject, click.event_us, viewed.began_us
    from truth_actions as click
    asof inner join viewed
        on viewed.subject = click.subject and viewed.event_us < click.event_us
    where click.event_name = 'apply_click' and click.arg = 'test_drive'
        and click.event_us <= viewed.began_us + us_days(30)
),

completed as (
    select lead.subject, lead.event_us, clicked.began_us
    from truth_actions as lead
    asof inner join clicked
        on clicked.subject = lead.subject and clicked.event_us < lead.event_us
    where lead.event_name = 'generate_lead' and lead.arg = 'test_drive'
        and lead.event_us <= clicked.began_us + us_days(30)
),

visited as (
    select visit.subject, visit.event_us, completed.began_us
    from truth_visits_made as visit
    asof inner join completed
        on completed.subject = visit.subject and completed.event_us < visit.event_us
    where visit.event_us <= completed.began_us + us_days(30)
),

reached as (
    select subject, 1 as depth from viewed
    union all select subject, 2 from clicked
    union all select subject, 3 from completed
    union all select subject, 4 from visited
)

select subject, max(depth) as depth from reached group by subject;

-- Purchases: a real transaction id counts once a subject, a placeholder each time it has revenue.
create table truth_orders_online as
with bought as (
    select
        truth_actions.event_no,
        coalesce(subject, '') as subject,
        purchase_ids.transaction_id,
        purchase_ids.revenue,
        coalesce(purchase_ids.transaction_id, '') not in ('', '(not set)') as is_real
    from truth_actions
    inner join purchase_ids using (event_no)
    where event_name = 'purchase'
)

select subject, transaction_id, max(revenue) as revenue
from bought
where is_real
group by subject, transaction_id
union all
select subject, transaction_id, revenue
from bought
where not is_real and revenue > 0;

create table truth_sessions as
select
    devices.user_pseudo_id,
    visits.ga_session_id,
    row_number() over (
        partition by truth_events.visit_no order by min(truth_events.event_us), min(event_no)
    ) as part,
    utc_at(min(truth_events.event_us)) as started_at,
    utc_at(max(truth_events.event_us)) as ended_at,
    actors.person as actor,
    bool_or(truth_events.event_name = 'login') as is_login,
    known.person as knowable_person,
    devices.kind as device_kind,
    count(*) as events,
    origins.channel_group,
    last_click.channel_group as last_click_channel_group
from truth_events
inner join visits using (visit_no)
inner join devices on devices.device_no = truth_events.device_no
inner join origins on origins.origin_no = visits.origin_no
inner join origins as last_click on last_click.origin_no = visits.last_click_no
left join people as actors on actors.person_no = truth_events.actor_no
left join people as known on known.person_no = truth_events.known_no
where not truth_events.is_denied
group by
    truth_events.visit_no, devices.user_pseudo_id, visits.ga_session_id, actors.person,
    known.person, devices.kind, origins.channel_group, last_click.channel_group;

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
select 'sessions', null, null, count(distinct visit_no) from truth_events where not is_denied
union all
select 'devices', null, null, count(distinct device_no) from truth_events where not is_denied
union all
select 'logins', null, null, count(*) from truth_logins
union all
select 'purchase_events_raw', null, null, sum(copies) from seen where event_name = 'purchase'
union all
select 'purchase_events_distinct', null, null, count(*) from seen where event_name = 'purchase'
union all
select 'purchase_revenue_raw', null, null, coalesce(sum(copies * revenue), 0)
from seen inner join purchase_ids using (event_no)
union all
select 'purchase_revenue_distinct', null, null, coalesce(sum(revenue), 0)
from seen inner join purchase_ids using (event_no)
union all
select 'orders_deduplicated', null, null, count(*) from truth_orders_online
union all
select 'revenue_deduplicated', null, null, coalesce(sum(revenue), 0) from truth_orders_online;

create table truth_funnel as
select
    step_number,
    step,
    (select count(*) from truth_funnel_subjects where depth >= step_number) as subjects
from (values (1, 'viewed_model'), (2, 'clicked_apply'), (3, 'completed_application'), (4, 'visited'))
    as s (step_number, step);

-- What became of each application that the export shows, known person or not.
create table truth_conversions as
with fates as (
    select
        real_application_id as application_id,
        arg_max(status, (occurred_us, outcome_id)) as fate,
        sum(coalesce(value, 0)) filter (status in ('installed', 'reversed')) as installed_value,
        bool_or(status = 'cancelled') as is_cancelled
    from seen_outcomes
    where real_application_id is not null
    group by real_application_id
)

select
    applications.application_id,
    applications.product,
    applications.person,
    known.person as knowable_person,
    utc_at(applications.event_us) as applied_at,
    coalesce(fates.fate, 'open') as fate,
    case when fates.is_cancelled then 0 else coalesce(fates.installed_value, 0) end::bigint as value
from applications
inner join truth_events
    on truth_events.event_no = applications.event_no
left join fates on fates.application_id = applications.application_id
left join people as known on known.person_no = truth_events.known_no;
