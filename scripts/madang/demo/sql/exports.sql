-- Files of the other systems, as rows in the order in which they are written.

create macro uuid_of(t) as
    md5(t)[1:8] || '-' || md5(t)[9:12] || '-' || md5(t)[13:16] || '-' || md5(t)[17:20] || '-'
    || md5(t)[21:32];

create macro phone_dashed(d) as '0' || d[1:2] || '-' || d[3:6] || '-' || d[7:10];

-- The workbook's phone column, as many hands have typed it.
create macro phone_typed(d, r) as case
    when r < 0.45 then phone_dashed(d)
    when r < 0.58 then '0' || d
    when r < 0.75 then d
    when r < 0.83 then '+82 ' || d[1:2] || '-' || d[3:6] || '-' || d[7:10]
    when r < 0.88 then translate(phone_dashed(d), '0123456789-', '０１２３４５６７８９－')
    when r < 0.92 then replace(phone_dashed(d), '-', ' ')
    when r < 0.96 then replace(phone_dashed(d), '-', '.')
    else '82-' || d[1:2] || '-' || d[3:6] || '-' || d[7:10]
end;

create view workbook_rows as
select
    customer_no,
    name_given,
    is_nfd,
    phone_typed(phone_digits, draw(customer_no, 'phone_typed')) as phone,
    draw(customer_no, 'phone_typed') between 0.58 and 0.75 as is_phone_number,
    case
        when draw(customer_no, 'email_typed') < 0.05 then upper(email)
        when draw(customer_no, 'email_typed') < 0.09 then ' ' || email || ' '
        else email
    end as email,
    tier,
    region,
    kst_date(registered_us) as registered_on,
    draw(customer_no, 'date_typed') as date_style
from seen_crm_rows
order by customer_no;

create view consent_rows as
select
    case when occurred_us < getvariable('start_us') then 'history'
        else strftime(kst_date(occurred_us), '%Y%m') end as month,
    consent_id,
    customer_no,
    email,
    '0' || phone_digits as phone,
    channel,
    purpose,
    status,
    is_night,
    kst_text(occurred_us) as occurred_at,
    collected_via,
    policy_version
from seen_consents
order by consent_id;

create view order_rows as
with versions as (
    select *, 'paid' as status, ordered_us as updated_us from seen_orders
    union all
    select *, fate, fate_us
    from seen_orders
    where fate != 'paid' and fate_us <= getvariable('until_us')
)

select
    strftime(kst_date(updated_us), '%Y%m') as month,
    order_id,
    customer_no,
    email,
    phone_dashed(phone_digits) as phone,
    name,
    status,
    kst_text(ordered_us) as ordered_at,
    kst_text(updated_us) as updated_at,
    amount,
    'KRW' as currency
from versions
order by updated_us, order_id, status;

-- Sent as they come: out of order, and some twice.
create view outcome_rows as
select
    strftime(kst_date(occurred_us), '%Y%m') as month,
    outcome_id,
    product,
    application_id,
    customer_no,
    case when draw(outcome_id, 'phone_typed') < 0.5 then phone_dashed(phone_digits)
        else '+82' || phone_digits end as phone,
    status,
    kst_text(occurred_us) as occurred_at,
    value,
    case when value is not null then 'KRW' end as currency,
    reason,
    branch_id
from seen_outcomes
cross join range(case when draw(outcome_id, 'sent_twice') < 0.03 then 2 else 1 end) as copy (n)
order by draw(outcome_id || n, 'order'), outcome_id;

-- Advertising: what each platform says it delivered, by campaign and day.
create view ad_rows as
with visited as (
    select
        case source when 'google' then 'google_ads' when 'facebook' then 'meta'
            when 'instagram' then 'meta' else source end as platform,
        kst_date(started_us) as day,
        campaign,
        origin_no,
        count(*) as visits
    from visits
    inner join origins using (origin_no)
    where medium in ('cpc', 'paid_social', 'keyword')
        and kst_date(started_us) < kst_date(getvariable('until_us'))
    group by all
)

select
    platform,
    day,
    campaign,
    '19' || lpad(origin_no::varchar, 4, '0') as campaign_id,
    ceil(visits * 1.18)::bigint as clicks,
    (visits * (28 + 40 * draw(campaign || day, 'reach')))::bigint as impressions,
    (visits * (380 + 520 * draw(campaign, 'bid')))::bigint as cost_krw
from visited
order by platform, day, campaign;

create view seen_inquiries as
select
    people.*,
    crm_rows.customer_no,
    pick(['delivery', 'charging', 'price', 'test_drive'], draw(people.person_no, 'asks'))
        as category,
    getvariable('start_us') + floor(
        draw(people.person_no, 'asked_at')
        * (getvariable('end_us') - getvariable('start_us'))
    )::bigint as asked_us
from people
left join crm_rows
    on crm_rows.person_no = people.person_no and crm_rows.account = 0
    and crm_rows.registered_us < getvariable('start_us')
where draw(people.person_no, 'inquires') < 0.02 and asked_us < getvariable('until_us');

create view inquiry_rows as
select
    'Q' || lpad(row_number() over (order by asked_us, person_no)::varchar, 6, '0') as inquiry_id,
    kst_text(asked_us) as received_at,
    pick(['phone', 'web', 'kakao'], draw(person_no, 'asked_by')) as channel,
    case when draw(person_no, 'asked_as') < 0.5 then customer_no end as customer_no,
    '0' || phone_digits as phone,
    email,
    category,
    case category
        when 'delivery' then '마루9 출고까지 얼마나 걸리나요?'
        when 'charging' then '아파트에도 충전기를 설치할 수 있나요?'
        when 'price' then '보조금을 받으면 가격이 얼마인가요?'
        else '시승 예약 시간을 바꾸고 싶습니다.'
    end as content,
    pick(['answered', 'answered', 'open'], draw(person_no, 'answered')) as status
from seen_inquiries
order by inquiry_id;

-- One message a week on each channel, to people who agreed to it then.
create table campaigns as
select
    channel || '_w' || lpad(week::varchar, 2, '0') as campaign_name,
    uuid_of(channel || week) as campaign_id,
    channel,
    week,
    getvariable('start_us') + us_days(week * 7 + lag_days) + us_hours(10) as sent_us
from range(1 + getvariable('days') // 7) as t (week)
cross join (values ('email', 2), ('sms', 4), ('push', 5)) as c (channel, lag_days)
where getvariable('start_us') + us_days(week * 7 + lag_days) + us_hours(10)
    < getvariable('until_us');

create view notice_rows as
select
    'N' || lpad(row_number() over (order by sent_us, channel)::varchar, 5, '0') as notice_id,
    campaign_name,
    channel,
    '(광고) 마루모터스 ' || (week + 1) || '주차 소식' as title,
    '(광고) 마루모터스: 가까운 지점에서 마루9을 시승해 보세요. 무료수신거부 080-000-0000' as body,
    'Y' as is_advertisement,
    kst_text(sent_us) as sent_at
from campaigns
order by sent_us, channel;

create table braze_users as
select
    person_no,
    any_value(person) as person,
    arg_min(customer_no, account) as customer_no,
    arg_min(email, account) as email,
    arg_min(phone_digits, account) as phone_digits
from seen_crm_rows
group by person_no;

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
)

select chosen.*
from chosen
asof inner join answers
    on answers.person_no = chosen.person_no
    and answers.channel = chosen.channel
    and answers.occurred_us <= chosen.sent_us
-- Of two answers at one moment the refusal counts; it is also the last by name.
where answers.status in ('granted', 'confirmed');

create table braze_events as
with delivered as (
    select
        *,
        sent_us + floor(draw(key, 'transport') * 90000000)::bigint as delivered_us,
        draw(key, 'bounces') < 0.02 as is_bounced
    from sends
),

told as (
    select *, 'messages.' || case channel when 'push' then 'pushnotification' else channel end
        || '.Send' as kind, sent_us as at_us, null::varchar as note
    from delivered
    union all
    select *, 'messages.' || channel || '.Delivery', delivered_us, null
    from delivered where channel in ('email', 'sms') and not is_bounced
    union all
    select *, 'messages.email.Bounce', delivered_us, 'mailbox unavailable'
    from delivered where channel = 'email' and is_bounced and draw(key, 'soft') < 0.6
    union all
    select *, 'messages.email.SoftBounce', delivered_us, 'mailbox full'
    from delivered where channel = 'email' and is_bounced and draw(key, 'soft') >= 0.6
    union all
    select *, 'messages.sms.DeliveryFailure', delivered_us, 'unreachable'
    from delivered where channel = 'sms' and is_bounced
    union all
    -- A mail client that fetches pictures is not a reader.
    select *, 'messages.email.Open', delivered_us + 4000000, 'machine'
    from delivered
    where channel = 'email' and not is_bounced and draw(key, 'prefetch') < 0.15
    union all
    select *, 'messages.email.Open', delivered_us + us_hours(0.2 + 9 * draw(key, 'opened')), null
    from delivered
    where channel = 'email' and not is_bounced and draw(key, 'opens') < 0.34
    union all
    select
        *,
        'messages.email.Click',
        delivered_us + us_hours(0.2 + 9 * draw(key, 'opened')) + 40000000,
        null
    from delivered
    where channel = 'email' and not is_bounced and draw(key, 'opens') < 0.06
    union all
    -- A scanner follows every link within seconds.
    select *, 'messages.email.Click', delivered_us + 2000000, 'bot'
    from delivered
    where channel = 'email' and not is_bounced and draw(key, 'scanned') < 0.05
    union all
    select *, 'messages.pushnotification.Open', delivered_us + us_hours(3 * draw(key, 'opened')), null
    from delivered where channel = 'push' and draw(key, 'opens') < 0.08
    union all
    select *, 'messages.email.MarkAsSpam', delivered_us + us_hours(2), null
    from delivered where channel = 'email' and not is_bounced and draw(key, 'spam') < 0.001
    union all
    select *, 'campaigns.Conversion', delivered_us + us_hours(10 + draw(key, 'converts_at') * 8), null
    from delivered where channel = 'email' and draw(key, 'opens') < 0.012
),

unsubscribed as (
    select
        campaigns.*,
        braze_users.*,
        campaign_name || ':' || braze_users.person_no as key,
        campaigns.sent_us as delivered_us,
        false as is_bounced,
        'messages.email.Unsubscribe' as kind,
        seen_consents.occurred_us as at_us,
        null::varchar as note
    from seen_consents
    asof inner join (select * from campaigns where channel = 'email') as campaigns
        on campaigns.sent_us <= seen_consents.occurred_us
    inner join braze_users on braze_users.person_no = seen_consents.person_no
    where collected_via = 'email_unsubscribe' and braze_users.email is not null
),

everything as (
    select * from told
    union all
    select * from unsubscribed
)

select
    'users.' || kind as event_type,
    uuid_of(key || kind || coalesce(note, '')) as id,
    campaign_id,
    campaign_name,
    customer_no as external_user_id,
    uuid_of('braze' || person) as user_id,
    email as email_address,
    '+82' || phone_digits as to_phone_number,
    at_us // 1000000 as time,
    note,
    key,
    -- Braze queues, then writes: a file carries the hour of the queue.
    strftime(make_timestamp((at_us // 21600000000 + 1) * 21600000000), '%Y-%m-%d-%H') as queued,
    case when draw(key || kind, 'again') < 0.01 then 2 else 1 end as copies
from everything
where (at_us // 21600000000 + 1) * 21600000000 <= getvariable('until_us')
order by event_type, queued, time, id;
