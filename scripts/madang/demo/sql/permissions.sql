-- What is sent to people, and every way in which they say yes or no to it.

create table campaigns as
select
    message_campaign(channel, week) as campaign_name,
    uuid_of(channel || week) as campaign_id,
    channel,
    week,
    message_us(channel, week) as sent_us
from range(1 + getvariable('days') // 7) as t (week)
cross join (values ('email'), ('sms'), ('push')) as c (channel)
where message_us(channel, week) < getvariable('until_us');

create table braze_users as
select
    person_no,
    any_value(person) as person,
    arg_min(customer_no, account) as customer_no,
    arg_min(email, account) as email,
    arg_min(phone_digits, account) as phone_digits
from seen_crm_rows
group by person_no;

create table salesforce_contacts as
with known as (
    select *
    from seen_crm_rows
    where account = 0 and draw(person_no, 'in_salesforce') < 0.3
),

refusing as (
    select
        *,
        case
            when draw(person_no, 'refuses_in_salesforce') < 0.05 then 'has_opted_out_of_email'
            when draw(person_no, 'refuses_in_salesforce') < 0.08 then 'do_not_call'
            when draw(person_no, 'refuses_in_salesforce') < 0.10 then 'has_opted_out_solicit'
        end as will_refuse,
        (registered_us + floor(
            (0.2 + 0.8 * draw(person_no, 'refused_at'))
            * greatest(getvariable('end_us') - registered_us, 1)
        )::bigint) // 1000000 * 1000000 as will_refuse_us
    from known
)

select
    * exclude (will_refuse, will_refuse_us),
    '003MD' || lpad(person_no::varchar, 10, '0') || 'YAA' as contact_id,
    '0PKMD' || lpad(person_no::varchar, 10, '0') || '4AA' as individual_id,
    case when will_refuse_us <= getvariable('until_us') then will_refuse end as refuses,
    case when will_refuse is not null and will_refuse_us <= getvariable('until_us')
        then will_refuse_us end as refused_us
from refusing;

-- The company writes to those whose last answer in its own log is a yes; Braze itself stops
-- writing to whoever left, complained or cannot be reached.
create table sends as
with chosen as (
    select
        campaigns.*,
        braze_users.*,
        campaign_name || ':' || person_no as key
    from campaigns
    cross join braze_users
    where draw(campaign_name || ':' || person_no, 'chosen') < 0.3
        and case channel when 'email' then email when 'sms' then phone_digits else 'app' end
            is not null
),

answers as (
    select person_no, channel, occurred_us, max(status) as status
    from seen_consents
    group by person_no, channel, occurred_us
),

allowed as (
    select chosen.*
    from chosen
    asof inner join answers
        on answers.person_no = chosen.person_no
        and answers.channel = chosen.channel
        and answers.occurred_us <= chosen.sent_us
    -- Of two answers at one moment the refusal counts; it is also the last by name.
    where answers.status in ('granted', 'confirmed')
),

delivered as (
    select
        *,
        sent_us + floor(draw(key, 'transport') * 90000000)::bigint as delivered_us,
        draw(key, 'bounces') < 0.02 as is_bounced,
        channel = 'email' and draw(key, 'bounces') < 0.02 and draw(key, 'soft') < 0.6
            as is_dead_address,
        case
            when draw(key, 'bounces') < 0.02 or channel = 'push' then null
            when channel = 'email' and draw(key, 'leaves') < 0.002 then 'spam'
            when channel = 'email' and draw(key, 'leaves') < 0.010 then 'unsubscribe'
            when channel = 'email' and draw(key, 'leaves') < 0.014 then 'global'
            when channel = 'sms' and draw(key, 'leaves') < 0.008 then 'group'
        end as leaves_by
    from allowed
),

ending as (
    select
        *,
        case
            when leaves_by is not null
                then (delivered_us // 1000000) * 1000000 + us_hours(0.3 + draw(key, 'left') * 20)
            when is_dead_address then delivered_us
        end as ended_us
    from delivered
)

select *
from ending
qualify coalesce(
    min(ended_us) over (
        partition by person_no, channel order by sent_us
        rows between unbounded preceding and 1 preceding
    ) > sent_us,
    true
);

create table permission_changes as
with said as (
    select person_no, channel, occurred_us as said_us, status = 'granted' as is_yes,
        'consent_log' as said_in, occurred_us as told_us
    from seen_consents
    where status in ('granted', 'withdrawn')
    union all
    select
        person_no,
        channel,
        (ended_us // 1000000) * 1000000,
        false,
        'braze_' || coalesce(leaves_by, 'bounce'),
        queued_us(ended_us)
    from sends
    where ended_us is not null
    union all
    select person_no, channel, refused_us, false, 'salesforce_' || refuses, refused_us
    from salesforce_contacts
    cross join (values ('email'), ('sms'), ('kakao'), ('push'), ('ads')) as c (channel)
    where case refuses
        when 'has_opted_out_of_email' then channel = 'email'
        when 'do_not_call' then channel in ('sms', 'kakao')
        when 'has_opted_out_solicit' then true
    end
)

select * from said where said_us <= getvariable('until_us');

-- What stands from one answer to the next; of two at one moment the no stands.
create table permissions as
with deciding as (
    select
        person_no,
        channel,
        said_us,
        bool_and(is_yes) as is_allowed,
        min_by(said_in, (is_yes, said_in)) as said_in,
        min(told_us) filter (not is_yes) as told_us
    from permission_changes
    group by person_no, channel, said_us
)

select
    *,
    lead(said_us) over (partition by person_no, channel order by said_us) as until_us
from deciding;
