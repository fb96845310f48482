-- Applications, and what became of them away from the site.
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
                when draw(visit_no, 'outcome') < 0.02 then 'schedule_failed'
                when draw(visit_no, 'outcome') < 0.10 then 'cancelled'
                when draw(visit_no, 'outcome') < 0.20 then 'no_show'
                when draw(visit_no, 'outcome') < 0.24 then 'confirmed'
                else 'visited'
            end
        when draw(visit_no, 'outcome') < 0.03 then 'schedule_failed'
        when draw(visit_no, 'outcome') < 0.07 then 'out_of_coverage'
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
    from applications
    where
        story not in ('confirmed', 'schedule_failed', 'out_of_coverage')
        and product != 'care_plan'
    union all
    select *, 'postponed', scheduled_us + us_hours(5)
    from applications
    where story in ('visited', 'installed') and draw(visit_no, 'reschedules') < 0.05
    union all
    select *, 'visited', done_us from applications where story = 'visited'
    union all
    select *, 'no_show', done_us from applications where story = 'no_show'
    union all
    -- No date suited both, or there is no installer in the area:
    -- both show when a date is to be set.
    select *, 'schedule_failed', scheduled_us + us_hours(30)
    from applications where story = 'schedule_failed'
    union all
    select *, 'rejected', scheduled_us from applications where story = 'out_of_coverage'
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
    in_currency(
        case status when 'installed' then 1200000 when 'reversed' then -1200000 end, currency
    ) as value,
    currency,
    case
        when status = 'cancelled' then pick(['고객 변심', '일정 변경', '중복 신청'], draw(occurred_us, 'why'))
        when status = 'no_show' then pick(['연락 두절', '당일 사정', '깜빡 잊음'], draw(occurred_us, 'why'))
        when status = 'schedule_failed' then '가능한 일정 없음'
        when status = 'rejected' then '서비스 불가 지역'
        when status = 'reversed' then '설치 후 반품'
        when status = 'churned' then pick(['이사', '차량 매각'], draw(occurred_us, 'why'))
    end as reason
from written
order by outcome_id;

create view seen_outcomes as
select * from outcomes where occurred_us <= getvariable('until_us');
