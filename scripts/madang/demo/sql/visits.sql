-- Who comes when, on which device: one row per visit (a GA4 session), before its content.

create table personal_visits as
with people_online as (
    select
        people.*,
        count(*) as devices,
        min(device_no) as first_device_no
    from people
    inner join devices on devices.owner_no = people.person_no and devices.kind = 'personal'
    group by all
),

planned as (
    select
        person_no,
        intent,
        is_logger,
        is_customer,
        first_device_no + case
            when devices > 2 and draw(person_no * 64 + i, 'device') < 0.12 then 2
            when devices > 1 and draw(person_no * 64 + i, 'device') < 0.42 then 1
            else 0
        end as device_no,
        getvariable('start_us')
        + us_days(floor(pow(draw(person_no * 64 + i, 'day'), 0.9) * (getvariable('days') + 1)))
        + time_of_day(
            draw(person_no * 64 + i, 'hour'), draw(person_no * 64 + i, 'minute')
        ) as started_us
    from people_online
    cross join range(41) as t (i)
    where i < 1 + (getvariable('days') / 60.0) * case
        when is_logger then 2 + draw_count(draw(person_no, 'visits'), 5.2, 37)
        else draw_count(draw(person_no, 'visits'), 2.6, 18)
    end
),

spaced as (
    select *
    from planned
    where started_us < getvariable('end_us')
    qualify started_us - coalesce(
        lag(started_us) over (partition by device_no order by started_us), 0
    ) > us_hours(0.75)
),

ranked as (
    select
        *,
        row_number() over (partition by person_no order by started_us, device_no) - 1 as nth,
        count(*) over (partition by person_no) as visits
    from spaced
)

select
    device_no,
    started_us,
    person_no as actor_no,
    null::bigint as second_actor_no,
    case
        when intent >= 2 and nth = floor(draw(person_no, 'apply_at') * visits)
            then case when intent = 3 then 'apply_complete' else 'apply' end
        when intent = 3 and nth < floor(draw(person_no, 'apply_at') * visits)
            and draw(person_no * 64 + nth, 'tries') < 0.15 then 'apply'
        when intent = 0 then
            case
                when draw(person_no * 64 + nth, 'kind') < 0.62 then 'neutral'
                when draw(person_no * 64 + nth, 'kind') < 0.88 then 'shop'
                else 'charger'
            end
        when draw(person_no * 64 + nth, 'kind') < 0.44 then 'model'
        when draw(person_no * 64 + nth, 'kind') < 0.52 then 'branch'
        when draw(person_no * 64 + nth, 'kind') < 0.58 then 'charger'
        when draw(person_no * 64 + nth, 'kind') < 0.74 then 'shop'
        else 'neutral'
    end as kind,
    case
        when not is_logger then 'none'
        when intent = 3 and nth = floor(draw(person_no, 'apply_at') * visits)
            and draw(person_no, 'applies_known') < 0.93 then 'first'
        when nth = floor(draw(person_no, 'login_at') * visits)
            or draw(person_no * 64 + nth, 'login') < 0.09
            then case when draw(person_no * 64 + nth, 'login_when') < 0.7
                then 'first' else 'last' end
        else 'none'
    end as login
from ranked;

-- A family's computer: each member's visit begins with a login unless the last login was theirs.
create table family_visits as
with planned as (
    select
        device_no,
        owner_no,
        second_no,
        i,
        getvariable('start_us')
        + us_days(floor(draw(device_no * 64 + i, 'day') * (getvariable('days') + 1)))
        + time_of_day(
            draw(device_no * 64 + i, 'hour'), draw(device_no * 64 + i, 'minute')
        ) as started_us
    from devices
    cross join range(41) as t (i)
    where kind = 'family'
        and i < (getvariable('days') / 60.0) * (9 + draw(device_no, 'visits') * 10)
),

spaced as (
    select
        *,
        -- They take turns by the day rather than by the visit.
        draw(device_no * 100000 + started_us // us_days(3), 'member') < 0.5 as is_first_member
    from planned
    where started_us < getvariable('end_us')
    qualify started_us - coalesce(
        lag(started_us) over (partition by device_no order by started_us), 0
    ) > us_hours(0.75)
),

roled as (
    select
        *,
        -- Never a device's first visit: the very first one logs in.
        row_number() over (partition by device_no order by started_us) > 1
            and draw(device_no * 64 + i, 'silent') < 0.025 as is_silent,
        draw(device_no * 64 + i, 'handover') < 0.05 as has_handover
    from spaced
),

loud as (
    select
        *,
        coalesce(
            lag(is_first_member != has_handover) over (
                partition by device_no order by started_us
            ) != is_first_member,
            true
        ) as is_change
    from roled
    where not is_silent
),

-- The silent visitor is the member who does not own the computer at that moment.
silent as (
    select
        roled.*,
        loud.is_first_member != loud.has_handover as owner_is_first
    from roled
    asof inner join loud
        on loud.device_no = roled.device_no and loud.started_us <= roled.started_us
    where roled.is_silent
),

everybody as (
    select
        device_no,
        i,
        started_us,
        case when is_first_member then owner_no else second_no end as actor_no,
        case when has_handover
            then case when is_first_member then second_no else owner_no end
        end as second_actor_no,
        case when is_change or has_handover or draw(device_no * 64 + i, 'login') < 0.25
            then 'first' else 'none' end as login
    from loud
    union all
    select
        device_no,
        i,
        started_us,
        case when owner_is_first then second_no else owner_no end,
        null,
        'none'
    from silent
)

select
    device_no,
    started_us,
    actor_no,
    second_actor_no,
    case
        when second_actor_no is not null then 'model'
        when draw(device_no * 64 + i, 'kind') < 0.34 then 'model'
        when draw(device_no * 64 + i, 'kind') < 0.43 then 'branch'
        when draw(device_no * 64 + i, 'kind') < 0.48 then 'apply'
        when draw(device_no * 64 + i, 'kind') < 0.52 then 'apply_complete'
        when draw(device_no * 64 + i, 'kind') < 0.58 then 'charger'
        when draw(device_no * 64 + i, 'kind') < 0.74 then 'shop'
        else 'neutral'
    end as kind,
    login
from everybody;

-- Showroom tablets and the call centre: a stream of visitors, some of whom log in.
create table counter_visits as
with loggers as (
    select
        person_no,
        row_number() over (order by draw(person_no, 'walk_in'), person_no) - 1 as nth,
        count(*) over () as people
    from people
    where is_logger
),

passers_by as (
    select
        person_no,
        row_number() over (order by draw(person_no, 'passer_by'), person_no) - 1 as nth,
        count(*) over () as people
    from people
    where not is_logger
),

slots as (
    select
        device_no,
        i,
        -- Three different people log in on each device's first day, so that it is
        -- shared from then on, however early the export is looked at.
        i < 3 or draw(device_no * 4096 + i, 'logs_in') < 0.35 as logs_in,
        case
            when i < 3 then getvariable('start_us') + us_hours(10 + 2 * i)
            else getvariable('start_us')
                + us_days(floor(draw(device_no * 4096 + i, 'day') * (getvariable('days') + 1)))
                + us_hours(10 + draw(device_no * 4096 + i, 'hour') * 9)
        end as started_us
    from devices
    cross join range(4096) as t (i)
    where kind in ('tablet', 'call_centre')
        and i < 3 + getvariable('days') * getvariable('walk_ins')::double
        * case when kind = 'call_centre' then 2 else 1 end
),

spaced as (
    select *
    from slots
    where started_us < getvariable('end_us')
    qualify i < 3 or started_us - coalesce(
        lag(started_us) over (partition by device_no order by started_us, i), 0
    ) > us_hours(0.75)
        and started_us > getvariable('start_us') + us_days(1)
)

select
    device_no,
    started_us,
    coalesce(loggers.person_no, passers_by.person_no) as actor_no,
    null::bigint as second_actor_no,
    case
        when draw(device_no * 4096 + i, 'kind') < 0.55 then 'model'
        when draw(device_no * 4096 + i, 'kind') < 0.75 then 'branch'
        when draw(device_no * 4096 + i, 'kind') < 0.85 then 'apply'
        when draw(device_no * 4096 + i, 'kind') < 0.92 then 'apply_complete'
        else 'neutral'
    end as kind,
    case
        when not logs_in then 'none'
        when draw(device_no * 4096 + i, 'login_when') < 0.6 then 'first'
        else 'last'
    end as login
from spaced
left join loggers
    on spaced.logs_in and loggers.nth = (device_no * 131 + i) % loggers.people
left join passers_by
    on not spaced.logs_in
    and passers_by.nth = (device_no * 977 + i * 7) % passers_by.people;

-- Machines and colleagues: neutral pages only, and nobody in particular.
create table other_visits as
select
    device_no,
    getvariable('start_us')
    + us_days(floor(draw(device_no * 4096 + i, 'day') * (getvariable('days') + 1)))
    + us_hours(i % 24) + us_hours(draw(device_no, 'minute') * 0.25) as started_us,
    null::bigint as actor_no,
    null::bigint as second_actor_no,
    kind,
    'none' as login
from devices
cross join range(4096) as t (i)
where kind in ('bot', 'staff')
    and i < getvariable('days') * case when kind = 'bot'
        then greatest(0.2, least(60.0, getvariable('people') / 20000.0)) else 0.7 end
qualify started_us < getvariable('end_us')
    and started_us - coalesce(
        lag(started_us) over (partition by device_no order by started_us, i), 0
    ) > us_hours(0.75);
