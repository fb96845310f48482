-- What the company's other systems hold: customers, consents, orders, offline outcomes.

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
        channel || person_no as key
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
                case when draw(key, 'refuses') < 0.05 then 'refused' else 'silent' end
            when draw(key, 'then') < 0.11 then 'withdrew'
            when draw(key, 'then') < 0.13 then 'came_back'
            when draw(key, 'then') < 0.14 then 'tied'
            when draw(key, 'then') < 0.25 then 'confirmed'
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
    where story not in ('silent', 'refused')
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
        when status = 'withdrawn' and nth > 1 then pick(['my_page', 'call_centre'], draw(key, 'via'))
        when status = 'confirmed' then 'two_year_notice'
        else pick(['sign_up', 'sign_up', 'showroom', 'my_page'], draw(key, 'via'))
    end as collected_via,
    case when occurred_us < getvariable('start_us') - us_days(365) then '2024-1' else '2025-2' end
        as policy_version
from told
order by consent_id;

create table orders as
with bought as (
    select
        order_visit_no as visit_no,
        any_value(actor_no) as person_no,
        min(event_us) as ordered_us,
        any_value(device_no) as device_no,
        bool_or(is_logged_in) as is_logged_in
    from events
    where event_name = 'purchase' and order_visit_no = visit_no
    group by order_visit_no
    union all
    -- By telephone.
    select
        900000000 + person_no,
        person_no,
        getvariable('start_us') + floor(
            draw(person_no, 'phoned_at') * (getvariable('end_us') - getvariable('start_us'))
        )::bigint,
        null,
        false
    from people
    where draw(person_no, 'phones_order') < 0.012
),

detailed as (
    select
        bought.*,
        people.* exclude (person_no),
        coalesce(
            baskets.amount, 45000 + 1000 * floor(draw(bought.visit_no, 'amount') * 200)::bigint
        ) as amount_krw,
        order_currency(bought.visit_no) as currency,
        order_fate(bought.visit_no, coalesce(baskets.quantity, 1)) as fate,
        -- One unit of the first line is what comes back of an order that is kept.
        basket[1].price as returned_krw,
        crm_rows.customer_no as own_customer_no,
        crm_rows.registered_us
    from bought
    inner join people using (person_no)
    left join baskets using (visit_no)
    left join crm_rows
        on crm_rows.person_no = bought.person_no and crm_rows.account = 0
),

-- A customer may order as a guest; the addresses then say who it was.
signed as (
    select
        *,
        case
            when own_customer_no is null or registered_us > ordered_us then null
            when uses_filler_email or is_logged_in or draw(visit_no, 'as_guest') < 0.6
                or (email is null and (phone_digits is null or shares_phone or uses_branch_phone))
                then own_customer_no
        end as customer_no
    from detailed
)

select
    visit_no,
    case when draw(visit_no, 'numeric_id') < 0.15
        then '7' || lpad(visit_no::varchar, 9, '0')
        else 'M' || strftime(kst_date(ordered_us), '%y%m%d') || lpad(visit_no::varchar, 9, '0')
    end as order_id,
    person_no,
    person,
    customer_no,
    email,
    phone_digits,
    -- A guest types in a hurry: a wrong vowel, or two syllables the wrong way round.
    case
        when customer_no is not null or draw(visit_no, 'mistypes') >= 0.05 then name
        when draw(visit_no, 'mistypes') < 0.03 then name[1:2] || chr(unicode(name[3]) + 28)
        else name[1] || name[3] || name[2]
    end as name_given,
    name,
    currency,
    in_currency(amount_krw, currency) as amount,
    case fate
        when 'paid' then 0
        when 'item_refunded' then in_currency(returned_krw, currency)
        else in_currency(amount_krw, currency)
    end::decimal(18, 2) as returned_amount,
    (ordered_us // 1000000) * 1000000 as ordered_us,
    fate,
    order_fate_us(visit_no, ordered_us) as fate_us,
    device_no is not null as is_online
from signed
order by ordered_us, visit_no;

-- What the site's tag made of them: a placeholder for some, nothing for others.
create table purchase_ids as
select
    events.event_no,
    orders.order_id,
    case
        when draw(order_visit_no, 'tag') < 0.08 then '(not set)'
        when draw(order_visit_no, 'tag') < 0.10 then ''
        when draw(order_visit_no, 'tag') < 0.12 then null
        else orders.order_id
    end as transaction_id,
    case when draw(order_visit_no, 'tag') < 0.04 then null else orders.amount end::double as revenue
from events
inner join orders on orders.visit_no = events.order_visit_no
where events.event_name = 'purchase'
union all
-- The server knows the number.
select events.event_no, orders.order_id, orders.order_id, orders.returned_amount::double
from events
inner join orders on orders.visit_no = events.order_visit_no
where events.event_name = 'refund';

-- Lead applications, and what became of them away from the site.
create table applications as
with leads as (
    select
        events.*,
        split_part(arg, ':', 1) as product,
        visits.branch
    from events
    inner join visits using (visit_no)
    where event_name = 'generate_lead'
)

select
    'A' || strftime(event_date, '%y%m%d') || lpad(visit_no::varchar, 9, '0')
        || case product when 'test_drive' then 'T' when 'charger' then 'C' else 'P' end
        as application_id,
    leads.*,
    -- Who is going to drive or to have it installed: now and then not who fills in the form.
    coalesce(relative.person_no, applicant.person_no) as for_no,
    coalesce(relative.person, applicant.person) as person,
    case when relative.person_no is not null then relative.phone_digits
        else applicant.phone_digits end as phone_digits,
    case when is_logged_in and relative.person_no is null
        and draw(event_no, 'knows_customer') < 0.55 then accounts.customer_no end as customer_no,
    case
        when product = 'care_plan' then
            case when draw(visit_no, 'outcome') < 0.25 then 'cancelled' else 'confirmed' end
        when product = 'test_drive' then
            case
                when draw(visit_no, 'outcome') < 0.10 then 'cancelled'
                when draw(visit_no, 'outcome') < 0.20 then 'no_show'
                when draw(visit_no, 'outcome') < 0.24 then 'confirmed'
                else 'visited'
            end
        when draw(visit_no, 'outcome') < 0.15 then 'cancelled'
        when draw(visit_no, 'outcome') < 0.22 then 'installed_cancelled'
        when draw(visit_no, 'outcome') < 0.26 then 'installed_reversed'
        when draw(visit_no, 'outcome') < 0.32 then 'confirmed'
        when draw(visit_no, 'outcome') < 0.42 then 'installed_churned'
        else 'installed'
    end as story,
    event_us + us_hours(1 + draw(visit_no, 'confirmed') * 20) as confirmed_us,
    event_us + us_hours(24 + draw(visit_no, 'scheduled') * 30) as scheduled_us,
    event_us + us_days(
        3 + draw(visit_no, 'done') * case when product = 'charger' then 20 else 13 end
        -- A few come so late that a month has passed since they first looked.
        + case when draw(visit_no, 'puts_off') < 0.10 then 27 else 0 end
    ) as done_us,
    case when draw(visit_no, 'noted') < 0.06
        and coalesce(relative.phone_digits, applicant.phone_digits) is not null
        then 'phone' when draw(visit_no, 'noted') < 0.12 then 'bare' else 'full' end as noted
from leads
inner join people as applicant on applicant.person_no = leads.actor_no
left join people as relative
    on relative.pair_no = applicant.pair_no
    and relative.pair_side != applicant.pair_side
    and draw(leads.visit_no, 'for_another') < 0.03
left join accounts
    on accounts.device_no = leads.device_no and accounts.person_no = leads.actor_no;

create table outcomes as
with steps as (
    select *, 'confirmed' as status, confirmed_us as occurred_us from applications
    union all
    select *, 'scheduled', scheduled_us
    from applications where story != 'confirmed' and product != 'care_plan'
    union all
    select *, 'rescheduled', scheduled_us + us_hours(5)
    from applications
    where story in ('visited', 'installed') and draw(visit_no, 'reschedules') < 0.05
    union all
    select *, 'visited', done_us from applications where story = 'visited'
    union all
    select *, 'no_show', done_us from applications where story = 'no_show'
    union all
    select *, 'installed', done_us from applications where story like 'installed%'
    union all
    select
        *,
        'cancelled',
        case when story = 'cancelled' then scheduled_us + us_hours(10) else done_us + us_days(2) end
    from applications
    where story in ('cancelled', 'installed_cancelled')
    union all
    select *, 'reversed', done_us + us_days(4) from applications where story = 'installed_reversed'
    union all
    select *, 'churned', done_us + us_days(8 + draw(visit_no, 'stays') * 20)
    from applications where story = 'installed_churned'
),

-- Test drives arranged by telephone: a number is all that was noted.
phoned as (
    select
        people.*,
        status,
        (getvariable('start_us') + floor(
            draw(person_no, 'called_at') * (getvariable('end_us') - getvariable('start_us'))
        )::bigint) + extra as occurred_us
    from people
    cross join (values ('scheduled', 0), ('visited', us_days(5))) as s (status, extra)
    where is_customer and phone_digits is not null and draw(person_no, 'calls') < 0.02
),

written as (
    select
        product,
        application_id as real_application_id,
        case when noted != 'phone' then application_id end as application_id,
        case when noted = 'full' then customer_no end as customer_no,
        case when noted != 'bare' then phone_digits end as phone_digits,
        for_no as person_no,
        status,
        occurred_us,
        branch as branch_id,
        order_currency(visit_no) as currency
    from steps
    union all
    select
        'test_drive', null, null, null, phone_digits, person_no, status, occurred_us,
        pick(['yeouido', 'gangnam', 'pangyo', 'haeundae'], draw(person_no, 'called_branch')), null
    from phoned
)

select
    'O' || lpad(
        row_number() over (
            order by occurred_us, person_no, product, status, real_application_id
        )::varchar, 8, '0'
    ) as outcome_id,
    written.* replace ((occurred_us // 1000000) * 1000000 as occurred_us),
    in_currency(case status when 'installed' then 1200000 when 'reversed' then -1200000 end, currency)
        as value,
    currency,
    case
        when status = 'cancelled' then pick(['고객 변심', '일정 변경', '중복 신청'], draw(occurred_us, 'why'))
        when status = 'reversed' then '설치 후 반품'
        when status = 'churned' then pick(['이사', '차량 매각'], draw(occurred_us, 'why'))
    end as reason
from written
order by outcome_id;

create view seen_crm_rows as
select * from crm_rows where registered_us <= getvariable('until_us');

create view seen_consents as
select * from consents where occurred_us <= getvariable('until_us');

create view seen_orders as
select
    *,
    case when fate_us <= getvariable('until_us') then fate else 'paid' end as fate_now,
    (amount - case when fate_us <= getvariable('until_us') then returned_amount else 0 end)
        ::decimal(18, 2) as net_amount
from orders
where ordered_us <= getvariable('until_us');

create view seen_outcomes as
select * from outcomes where occurred_us <= getvariable('until_us');
