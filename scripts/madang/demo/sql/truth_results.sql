-- What became of each application that the export shows.
create table truth_conversions as
with fates as (
    select
        real_application_id as application_id,
        arg_max(status, occurred_us) as fate,
        bool_or(status = 'installed') and not bool_or(status in ('cancelled', 'reversed'))
            as is_kept,
        -- Why it came to nothing, or was given up later: what is so at this moment.
        case arg_max(status, occurred_us)
            when 'cancelled' then 'cancelled'
            when 'no_show' then 'no_show'
            when 'schedule_failed' then 'schedule_failed'
            when 'rejected' then 'out_of_coverage'
            when 'reversed' then 'reversed'
            when 'churned' then 'churned'
        end as ended_because,
        case arg_max(reason, occurred_us)
            when '고객 변심' then 'changed_mind'
            when '일정 변경' then 'date_moved'
            when '중복 신청' then 'applied_twice'
            when '연락 두절' then 'no_answer'
            when '당일 사정' then 'something_came_up'
            when '깜빡 잊음' then 'forgotten'
            when '가능한 일정 없음' then 'no_common_date'
            when '설치 후 반품' then 'returned'
            when '이사' then 'moved_away'
            when '차량 매각' then 'sold_the_car'
        end as ended_in_detail,
        max(value) filter (status = 'installed') as installed_value,
        max(currency) filter (status = 'installed') as currency,
        bool_or(outcomes.application_id is not null) as is_noted
    from seen_outcomes as outcomes
    where real_application_id is not null
    group by real_application_id
),

-- What will have become of it when everything is over, also what nobody can know at `until`.
ends as (
    select
        real_application_id as application_id,
        arg_max(status, occurred_us) as final_fate,
        bool_or(status in ('visited', 'installed'))
        and not bool_or(status in ('cancelled', 'reversed')) as is_fulfilled_in_the_end,
        utc_at(min(occurred_us) filter (status in ('visited', 'installed'))) as fulfilled_at,
        utc_at(min(occurred_us) filter (
            status in ('cancelled', 'reversed', 'no_show', 'schedule_failed', 'rejected')
        )) as lost_at,
        max(value) filter (status = 'installed') as installed_value
    from outcomes
    where real_application_id is not null
    group by real_application_id
)

select
    applications.application_id,
    applications.product,
    applicants.person as applicant,
    applications.person,
    utc_at(applications.event_us) as applied_at,
    coalesce(fates.fate, 'open') as fate,
    fates.ended_because,
    fates.ended_in_detail,
    case when is_kept then fates.installed_value else 0 end::decimal(18, 2) as value,
    fates.currency,
    coalesce(is_noted, false) as is_noted,
    applications.is_denied,
    coalesce(by_sighting, false) as by_login,
    coalesce(by_record, false) as by_record,
    coalesce(final_fate, 'open') as final_fate,
    coalesce(is_fulfilled_in_the_end, false) as is_fulfilled_in_the_end,
    ends.fulfilled_at,
    ends.lost_at,
    case when is_fulfilled_in_the_end then coalesce(ends.installed_value, 0) else 0 end
        ::decimal(18, 2) as final_value
from applications
inner join seen on seen.event_no = applications.event_no
inner join people as applicants on applicants.person_no = applications.actor_no
left join truth_places on truth_places.visit_no = applications.visit_no
left join truth_evidence
    on truth_evidence.place_no = truth_places.place_no
    and truth_evidence.person_no = applications.actor_no
left join fates on fates.application_id = applications.application_id
left join ends on ends.application_id = applications.application_id;

create table truth_outcomes as
select
    outcome_id,
    real_application_id as application_id,
    application_id is not null as is_noted,
    people.person,
    product,
    status,
    utc_at(occurred_us) as occurred_at
from seen_outcomes
inner join people using (person_no);

-- Orders, and what the website told of them.
create table truth_orders as
with reported as (
    select
        orders.order_id,
        min_by(purchase_ids.transaction_id, seen.event_us) as transaction_id,
        max(revenue) as reported_revenue,
        count(*) as reports
    from seen
    inner join purchase_ids using (event_no)
    inner join orders on orders.order_id = purchase_ids.order_id
    where seen.event_name = 'purchase'
    group by orders.order_id
),

returned as (
    select purchase_ids.order_id, max(revenue) as reported_refund
    from seen
    inner join purchase_ids using (event_no)
    where seen.event_name = 'refund'
    group by purchase_ids.order_id
)

select
    order_id,
    person,
    fate_now as fate,
    amount,
    net_amount,
    currency,
    name_given != name as is_name_mistyped,
    is_online,
    devices.user_pseudo_id,
    visits.ga_session_id,
    coalesce(reports, 0) as reports,
    transaction_id,
    reported_revenue,
    reported_refund
from seen_orders
left join visits using (visit_no)
left join truth_places using (visit_no)
left join devices on devices.device_no = truth_places.device_no
left join reported using (order_id)
left join returned using (order_id);

-- Who came into an experiment of Braze, and who orders for good within two weeks:
-- with the message and
-- without it, both for everybody, whatever Braze drew.
create table truth_experiments as
with ordering as (
    select
        experiment_people.*,
        exists (
            select 1
            from seen_orders
            where seen_orders.person_no = experiment_people.person_no
                and visit_no != moved_visit_no
                and ordered_us >= enrolled_us
                and ordered_us < enrolled_us + us_days(14)
                and fate_now not in ('cancelled', 'refunded')
        ) as orders_without
    from experiment_people
    where queued_us(enrolled_us) <= getvariable('until_us')
)

select
    experiment,
    person,
    is_control,
    utc_at(enrolled_us) as enrolled_at,
    orders_without,
    orders_without or (
        moves
        and moved_us <= getvariable('until_us')
        and (
            order_fate(moved_visit_no, 1) not in ('cancelled', 'refunded')
            or order_fate_us(moved_visit_no, moved_us) > getvariable('until_us')
        )
    ) as orders_with
from ordering;

create table truth_totals as
select
    'raw_events' as metric,
    event_date,
    case when event_date = kst_date(getvariable('until_us')) then 'intraday' else 'daily' end
        as kind,
    sum(copies)::double as value
from seen
group by event_date
union all
select 'distinct_events', event_date, null, count(*) from seen group by event_date
union all
select 'sessions', null, null, count(distinct visit_no)
from seen where not is_denied and not is_from_server
union all
select 'devices', null, null, count(distinct device_no)
from seen where not is_denied and not is_from_server
union all
select 'logins', null, null, count(*) from seen where event_name = 'login'
union all
select 'purchase_events_distinct', null, null, count(*) from seen where event_name = 'purchase'
union all
select 'purchase_revenue_distinct', null, null, coalesce(sum(revenue), 0)
from seen inner join purchase_ids using (event_no) where event_name = 'purchase'
union all
select 'refund_events_distinct', null, null, count(*) from seen where event_name = 'refund'
union all
select 'web_orders', null, null, count(*) from truth_orders where reports > 0;
