-- Browsers: personal ones, family computers, showroom tablets, a call centre, bots, staff.

create table devices as
with personal as (
    select
        'personal' as kind,
        person_no as owner_no,
        null::bigint as second_no,
        d as nth,
        -- A person who declines analytics declines on every browser, and never logs in.
        not is_logger and draw(person_no, 'declines') < 0.06 as is_denied
    from people
    cross join range(3) as t (d)
    where is_online
        and (
            d = 0
            or (d = 1 and draw(person_no, 'devices') < 0.36)
            or (d = 2 and draw(person_no, 'devices') < 0.07)
        )
),

family as (
    select 'family', min(person_no), max(person_no), 0, false
    from people
    where shares_computer
    group by pair_no
),

counters as (
    select 'tablet', null::bigint, null::bigint, d, false
    from range(getvariable('tablets')) as t (d)
    union all
    select 'call_centre', null, null, 0, false
    union all
    select 'bot', null, null, d, false
    from range(2) as t (d)
    union all
    select 'staff', null, null, d, false
    from range(1 + getvariable('people') // 4000) as t (d)
),

everything as (
    select * from personal
    union all
    select * from family
    union all
    select * from counters
),

numbered as (
    select
        row_number() over (order by kind, owner_no, nth) as device_no,
        *
    from everything
)

select
    *,
    ((1000000000 + floor(draw(device_no, 'client_a') * 1147483647)::bigint)::varchar
        || '.'
        || ((getvariable('start_us') // 1000000)
            - floor(draw(device_no, 'client_b') * 5000000)::bigint)::varchar
        || device_no % 1000) as user_pseudo_id,
    kind not in ('bot') and draw(device_no, 'returning') < 0.30 as is_returning,
    case
        when kind = 'tablet' then 'tablet'
        when kind in ('family', 'call_centre', 'bot', 'staff') then 'desktop'
        when nth = 0 and draw(device_no, 'category') < 0.70 then 'mobile'
        when nth = 1 and draw(device_no, 'category') < 0.35 then 'mobile'
        when draw(device_no, 'category') > 0.96 then 'tablet'
        else 'desktop'
    end as category,
    draw(device_no, 'make') as make
from numbered
order by device_no;
