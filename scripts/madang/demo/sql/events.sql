-- What happens in a visit: a script of steps, laid out in time.

create table scripts as
with parts as (
    select
        visits.*,
        case
            when kind = 'neutral'
                then neutral_pages(
                    visit_no, 'core', 1 + draw_count(draw(visit_no, 'core_n'), 2.0, 8)
                )
            when kind = 'bot' then neutral_pages(visit_no, 'core', 60)
            when kind = 'staff' then neutral_pages(visit_no, 'core', 3)
            when kind = 'model' then model_visit(visit_no, 'a', model, branch)
            when kind = 'branch' then list_concat(
                [page('/branches/' || branch)],
                case when draw(visit_no, 'map') < 0.4
                    then [step('click', '/branches/' || branch, 'https://map.example/' || branch)]
                    else [] end
            )
            when kind = 'charger' then list_concat(
                [page('/charger')],
                case when draw(visit_no, 'charger') < 0.45
                    then [
                        step('apply_click', '/charger', 'charger'),
                        step('apply_step', '/charger', 'charger:1')
                    ]
                    else [] end,
                case when draw(visit_no, 'charger') < 0.26
                    then [
                        step('apply_step', '/charger', 'charger:2'),
                        step('generate_lead', '/charger', 'charger')
                    ]
                    else [] end
            )
            when kind in ('apply', 'apply_complete') then list_concat(
                case when draw(visit_no, 'looks_first') < 0.85
                    then model_visit(visit_no, 'a', model, branch)
                    else [] end,
                [page('/test-drive'), step('apply_click', '/test-drive', 'test_drive')],
                case when kind = 'apply_complete' or draw(visit_no, 'gets_to') < 0.6
                    then [step('apply_step', '/test-drive', 'test_drive:1')]
                    else [] end,
                case when kind = 'apply_complete'
                    then [
                        step('apply_step', '/test-drive', 'test_drive:2'),
                        step('apply_step', '/test-drive', 'test_drive:3'),
                        step('generate_lead', '/test-drive', 'test_drive')
                    ]
                    else [] end
            )
            when kind = 'shop' then list_concat(
                [page('/shop'), step('view_item', '/shop', null)],
                case when draw(visit_no, 'shop') < 0.42
                    then [step('add_to_cart', '/shop', null)] else [] end,
                case when draw(visit_no, 'shop') < 0.25
                    then [step('begin_checkout', '/shop', null)] else [] end,
                case when draw(visit_no, 'shop') < 0.12
                    then [step('purchase', '/shop', null)] else [] end,
                case when draw(visit_no, 'shop') > 0.985
                    then [
                        page('/care'),
                        step('apply_click', '/care', 'care_plan'),
                        step('generate_lead', '/care', 'care_plan')
                    ]
                    else [] end,
                -- The thank-you page is opened again.
                case when draw(visit_no, 'shop') < 0.005
                    then [step('purchase', '/shop', 'again')] else [] end
            )
        end as core,
        neutral_pages(visit_no, 'before', draw_count(draw(visit_no, 'before_n'), 0.6, 4)) as before,
        neutral_pages(visit_no, 'after', draw_count(draw(visit_no, 'after_n'), 0.9, 5)) as after,
        [page('/login'), step('login', '/login', 'first')] as login_steps
    from visits
),

scripted as (
    select
        * exclude (core, before, after, login_steps),
        list_concat(
            -- Some people land where the advertisement leads.
            case when (device_kind = 'personal' and draw(visit_no, 'lands_deep') < 0.6)
                or kind in ('neutral', 'bot', 'staff')
                then []
                else list_concat([page('/')], before)
            end,
            case when login = 'first' then list_concat(
                case when device_kind = 'personal' and draw(visit_no, 'lands_deep') < 0.6
                    and kind not in ('neutral', 'bot', 'staff') then [page('/')] else [] end,
                login_steps
            ) else [] end,
            core,
            case when login = 'last' then login_steps else [] end,
            case when second_actor_no is not null
                then list_concat(
                    [page('/login'), step('login', '/login', 'second')],
                    model_visit(visit_no, 'b', 'maru9', branch)
                )
                else [] end,
            after,
            case when device_kind != 'bot' then [step('user_engagement', '/', null)] else [] end
        ) as steps
    from parts
)

select
    *,
    case when login = 'kept' then 1 else
        list_position(
            list_transform(steps, lambda s: coalesce(s.n || ':' || s.a, '')), 'login:first'
        )
    end as login_at,
    list_position(list_transform(steps, lambda s: coalesce(s.n || ':' || s.a, '')), 'login:second')
        as second_login_at
from scripted;

create table events as
with unrolled as (
    select
        visit_no,
        unnest(steps) as s,
        generate_subscripts(steps, 1) as k
    from scripts
),

-- GA4 adds its own events to the first page, on the same microsecond.
with_own as (
    select visit_no, k, s.n as event_name, s.p as path, s.a as arg from unrolled
    union all
    select visit_no, 0, 'session_start', steps[1].p, null from scripts where not is_denied
    union all
    select visit_no, -1, 'first_visit', steps[1].p, null
    from scripts
    where not is_denied and nth = 1 and not is_returning
),

-- A thank-you page opened on a second device of the same person sends the order once more.
reopened as (
    select
        later.visit_no,
        1000 as k,
        'purchase' as event_name,
        '/shop' as path,
        'reopened:' || bought.visit_no as arg
    from scripts as bought
    inner join scripts as later
        on later.actor_no = bought.actor_no
        and later.device_no != bought.device_no
        and later.started_us > bought.started_us
        and later.device_kind = 'personal'
    where bought.kind = 'shop' and draw(bought.visit_no, 'shop') < 0.12
        and not later.is_denied and later.late_us = 0 and bought.late_us = 0
        and draw(bought.visit_no, 'reopens') < 0.06
    qualify row_number() over (partition by bought.visit_no order by later.started_us) = 1
),

timed as (
    select
        with_own.*,
        k as script_k,
        case
            when k <= 1 then started_us
            else started_us + (k - 1) * pace_us
                + floor(draw(visit_no * 1024 + k, 'jitter') * pace_us * 0.8)::bigint
        end as event_us
    from with_own
    inner join visits using (visit_no)
),

-- A page that is drawn in the browser reports some of its views twice within a second.
echoes as (
    select visit_no, 3000 + k, event_name, path, 'echo', k, event_us + 350000
    from timed
    where event_name = 'page_view' and k > 1 and path like '/models/%'
        and draw(visit_no * 1024 + k, 'echoes') < 0.015
),

-- The shop's server reports refunds with the browser's id: whole orders, and single items.
refunds as (
    select
        timed.visit_no,
        2000 as k,
        'refund' as event_name,
        '/shop' as path,
        order_fate(visit_no, quantity) as arg,
        null::bigint as script_k,
        order_fate_us(visit_no, event_us) + 700000 + visit_no % 1000 as event_us
    from timed
    inner join visits using (visit_no)
    inner join baskets using (visit_no)
    where event_name = 'purchase' and arg is null
        and not is_denied and late_us = 0
        and order_fate(visit_no, quantity) in ('refunded', 'item_refunded')
        and draw(visit_no, 'refund_told') < 0.8
),

placed as (
    select * from timed
    union all
    select * from echoes
    union all
    select * from refunds
    union all
    select reopened.*, null, started_us + 1500000 + visit_no % 1000
    from reopened
    inner join visits using (visit_no)
)

select
    row_number() over (order by event_us, placed.visit_no, placed.k) as event_no,
    placed.*,
    scripts.device_no,
    scripts.is_denied,
    case when placed.script_k >= scripts.second_login_at
        then scripts.second_actor_no else scripts.actor_no end as actor_no,
    coalesce(placed.script_k >= least(scripts.login_at, scripts.second_login_at), false)
        as is_logged_in,
    event_name = 'refund' as is_from_server,
    placed.arg is not distinct from 'echo' as is_echo,
    coalesce(
        try_cast(split_part(nullif(placed.arg, ''), 'reopened:', 2) as bigint),
        case when event_name in ('purchase', 'refund') then placed.visit_no end
    ) as order_visit_no,
    event_us + scripts.late_us + case
        when event_name = 'user_engagement' and draw(placed.visit_no, 'beacon') < 0.05
            then us_hours(4 + draw(placed.visit_no, 'beacon_hours') * 50)
        else 0
    end as arrives_us,
    case when draw(placed.visit_no * 1024 + placed.k, 'twice') < 0.003 then 2 else 1 end as copies,
    kst_date(event_us) as event_date
from placed
inner join scripts using (visit_no)
order by event_no;

drop table scripts;

-- The events that exist in the export at the moment at which one looks.
create table seen as
select *
from events
where event_us <= getvariable('until_us') and arrives_us <= getvariable('until_us');
