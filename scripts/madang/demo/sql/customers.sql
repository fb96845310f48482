-- Whom the CRM knows, and what they say to being contacted.

-- Second registrations differ from the first as real ones do: another e-mail, another phone,
-- a space in the name.
create table crm_rows as
with logins as (
    select
        actor_no as person_no,
        min(event_us) as first_us
    from events
    where event_name = 'login'
    group by actor_no
),

accounts as (
    select
        people.*,
        account,
        case
            when is_registered_twice or draw(person_no, 'registered') < 0.85
                then getvariable('start_us')
                    - us_days(1 + pow(draw(person_no * 2 + account, 'since'), 1.5) * 1100)
            when logins.first_us is not null
                then logins.first_us - us_hours(0.1 + draw(person_no, 'registered_at') * 60)
            else getvariable('start_us')
                + floor(
                    draw(person_no, 'registered_at')
                    * (getvariable('end_us') - getvariable('start_us'))
                )::bigint
        end as registered_us,
        draw(person_no, 'second_account') as how
    from people
    cross join range(2) as t (account)
    left join logins using (person_no)
    where is_customer and (account = 0 or is_registered_twice)
)

select
    'C' || lpad(row_number() over (order by registered_us, person_no, account)::varchar, 6, '0')
        as customer_no,
    person_no,
    person,
    account,
    name,
    case when account = 1 and draw(person_no, 'spaced') < 0.3
        then name[1] || ' ' || name[2:] else name end as name_given,
    draw(person_no * 2 + account, 'nfd') < case when account = 1 then 0.30 else 0.02 end
        as is_nfd,
    case when account = 1 and how between 0.6 and 0.8 and phone_digits is not null
        then 'alt.' || email else email end as email,
    case when account = 1 and how > 0.8 and email is not null
        then phone_digits[1:2] || (1 - phone_digits[3]::integer)::varchar || phone_digits[4:]
        else phone_digits end as phone_digits,
    tier,
    tier_before,
    tier_moved_us,
    region,
    registered_us,
    shares_phone or uses_branch_phone as has_shared_phone,
    uses_filler_email
from accounts
order by customer_no;

create table accounts as
select
    devices.device_no,
    crm_rows.person_no,
    -- Somebody registered twice uses one account on one browser and the other on another.
    max_by(
        crm_rows.customer_no, draw(devices.device_no * 2 + crm_rows.account, 'account')
    ) as customer_no
from (select distinct device_no, actor_no from events where is_logged_in) as devices
inner join crm_rows on crm_rows.person_no = devices.actor_no
group by devices.device_no, crm_rows.person_no;

create table consents as
with rows_of as (
    select
        crm_rows.*,
        count(*) over (partition by person_no) as accounts
    from crm_rows
),

asked as (
    select
        rows_of.*,
        channel,
        chance,
        channel || person_no as key,
        -- A week in September in which a coupon was given for a yes to short messages.
        getvariable('end_us') - us_days(41.5)
            + floor(draw(person_no, 'rewarded_at') * us_days(7))::bigint as reward_us,
        channel = 'sms' and registered_us < getvariable('end_us') - us_days(42) as can_be_rewarded
    from rows_of
    cross join (
        values ('email', 0.74), ('sms', 0.52), ('kakao', 0.66), ('push', 0.30)
    ) as c (channel, chance)
    where account = case when accounts = 2 and draw(person_no, 'asked_as') < 0.5 then 1 else 0 end
),

answers as (
    select
        *,
        case
            when (channel in ('sms', 'kakao') and has_shared_phone)
                or (channel = 'email' and uses_filler_email)
                then case when draw(key, 'refuses') < 0.4 then 'refused' else 'silent' end
            when draw(key, 'grants') > chance then
                case
                    when draw(key, 'refuses') < 0.05 then 'refused'
                    when can_be_rewarded and draw(key, 'reward') < 0.3 then 'rewarded'
                    else 'silent'
                end
            when draw(key, 'then') < 0.11 then 'withdrew'
            when draw(key, 'then') < 0.13 then 'came_back'
            when draw(key, 'then') < 0.14 then 'tied'
            when draw(key, 'then') < 0.25 then 'confirmed'
            when can_be_rewarded and draw(key, 'reward') < 0.06 then 'rewarded_again'
            else 'granted'
        end as story,
        registered_us + floor(
            (0.05 + 0.9 * draw(key, 'changed_at'))
            * greatest(getvariable('end_us') - registered_us, 1)
        )::bigint as changed_us
    from asked
),

told as (
    select *, 1 as nth, 'granted' as status, registered_us as occurred_us
    from answers
    where story not in ('silent', 'refused', 'rewarded')
    union all
    select *, 1, 'withdrawn', registered_us from answers where story in ('refused', 'tied')
    union all
    select *, 2, 'withdrawn', changed_us from answers where story in ('withdrew', 'came_back')
    union all
    select *, 2, 'confirmed', changed_us from answers where story = 'confirmed'
    union all
    select
        *,
        3,
        'granted',
        changed_us + greatest((getvariable('end_us') - changed_us) // 3, 1000000)
    from answers
    where story = 'came_back'
    union all
    select *, 4, 'granted', reward_us from answers where story in ('rewarded', 'rewarded_again')
    union all
    -- Who came for the coupon goes again within two days.
    select *, 5, 'withdrawn', reward_us + us_hours(3 + draw(key, 'goes_at') * 40)
    from answers
    where story = 'rewarded' and draw(key, 'hunts') < 0.3
)

select
    'K' || lpad(
        row_number() over (order by occurred_us, person_no, channel, status)::varchar, 7, '0'
    ) as consent_id,
    person_no,
    case when draw(key || nth, 'by') < 0.15 and channel = 'email' and email is not null
        and not uses_filler_email then null else customer_no end as customer_no,
    case when draw(key || nth, 'by') < 0.40 then email end as email,
    case when draw(key || nth, 'by') between 0.15 and 0.40 then phone_digits end as phone_digits,
    channel,
    'marketing' as purpose,
    status,
    case when status = 'granted' and draw(key, 'night') < 0.2 and channel != 'email'
        then 'Y' else 'N' end as is_night,
    -- Whole seconds, as the log writes them.
    (occurred_us // 1000000) * 1000000 as occurred_us,
    case
        when status = 'withdrawn' and nth > 1 and channel = 'email' then 'email_unsubscribe'
        when status = 'withdrawn' and nth > 1
            then pick(['my_page', 'call_centre'], draw(key, 'via'))
        when status = 'confirmed' then 'two_year_notice'
        when nth = 4 then 'coupon_event'
        else pick(['sign_up', 'sign_up', 'showroom', 'my_page'], draw(key, 'via'))
    end as collected_via,
    case when occurred_us < getvariable('start_us') - us_days(365) then '2024-1' else '2025-2' end
        as policy_version
from told
order by consent_id;

-- Whether the company may show advertising elsewhere to who has this address: asked at the
-- registration, answered by the account's number. Addresses of several people are not asked for.
insert into consents
with asked as (
    select
        *,
        'ads' || person_no as key,
        registered_us + floor(
            (0.05 + 0.9 * draw('ads' || person_no, 'changed_at'))
            * greatest(getvariable('end_us') - registered_us, 1)
        )::bigint as changed_us
    from crm_rows
    where account = 0 and not has_shared_phone and not uses_filler_email
        and coalesce(email, phone_digits) is not null
),

told as (
    select *, 'granted' as status, registered_us as occurred_us
    from asked
    where draw(key, 'grants') < 0.70
    union all
    select *, 'withdrawn', registered_us from asked where draw(key, 'grants') >= 0.90
    union all
    select *, 'withdrawn', changed_us
    from asked
    where draw(key, 'grants') < 0.70 and draw(key, 'then') < 0.09
)

select
    'P' || lpad(row_number() over (order by occurred_us, person_no, status)::varchar, 7, '0'),
    person_no,
    customer_no,
    null,
    null,
    'ads',
    'advertising',
    status,
    'N',
    (occurred_us // 1000000) * 1000000,
    case when occurred_us = registered_us then 'sign_up' else 'my_page' end,
    case when occurred_us < getvariable('start_us') - us_days(365) then '2024-1' else '2025-2' end
from told
order by 1;

create view seen_crm_rows as
select * from crm_rows where registered_us <= getvariable('until_us');

create view seen_consents as
select * from consents where occurred_us <= getvariable('until_us');
