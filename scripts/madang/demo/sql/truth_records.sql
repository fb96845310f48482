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
            when 'ads' then has_email or has_phone
            else has_phone
        end as has_address
    from truth_people
    cross join (values ('email'), ('sms'), ('kakao'), ('push'), ('ads')) as c (channel)
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
