-- What people did that audiences and funnels ask for, in three scopes: all of it, what logins and
-- sightings tell, and what records tell too.
create table truth_acts as
with done as (
    select
        actor_no as person_no,
        event_us,
        case
            when event_name = 'page_view' and path like '/models/%' then 'viewed_model'
            when event_name = 'page_view' then 'viewed_branch'
            else event_name
        end as act,
        case when event_name in ('page_view', 'select_tab') then split_part(path, '/', 3)
            else arg end as object,
        case when event_name = 'select_tab' then arg end as tab,
        coalesce(by_sighting, false) as by_login,
        coalesce(by_sighting or by_record, false) as by_record
    from seen
    left join truth_places using (visit_no)
    left join truth_evidence
        on truth_evidence.place_no = truth_places.place_no
        and truth_evidence.person_no = seen.actor_no
    where actor_no is not null
        -- A view that was reported twice took place once.
        and not is_echo
        and (
            (event_name = 'page_view' and (path like '/models/%' or path like '/branches/%'))
            or event_name in ('select_tab', 'apply_click', 'generate_lead')
        )
    union all
    -- Who had a date for a test drive and came, also where another person applied for it.
    select
        outcomes.person_no,
        occurred_us,
        status,
        product,
        null,
        names_one(customer_no, null, outcomes.phone_digits, p),
        names_one(customer_no, null, outcomes.phone_digits, p)
    from seen_outcomes as outcomes
    inner join people as p on p.person_no = outcomes.person_no
    where status in ('scheduled', 'visited')
)

select 'world' as scope, * from done
union all
select 'login', * from done where by_login
union all
select 'record', * from done where by_record;

create table truth_audience_scopes as
with recent as (
    select *
    from truth_acts
    where event_us >= getvariable('until_us') - us_days(30)
),

flagship as (
    select scope, person_no
    from recent
    where object = 'maru9'
    group by scope, person_no
    having count(*) filter (act = 'viewed_model') >= 3
        or count(*) filter (tab in ('exterior', 'driving', 'accessories')) >= 1
),

clicks as (
    select scope, person_no, max(event_us) as clicked_us
    from truth_acts
    where act = 'apply_click' and object = 'test_drive'
        and event_us >= getvariable('until_us') - us_days(14)
    group by scope, person_no
),

leads as (
    select scope, person_no, max(event_us) as applied_us
    from truth_acts
    where act = 'generate_lead' and object = 'test_drive'
    group by scope, person_no
),

-- Who applied for a charger a day ago or more, and nothing came of the latest application yet.
waiting as (
    select acts.scope, acts.person_no
    from truth_acts as acts
    inner join applications
        on acts.person_no = applications.actor_no and acts.event_us = applications.event_us
    where acts.act = 'generate_lead' and acts.object = 'charger'
    group by acts.scope, acts.person_no
    having max(acts.event_us) between getvariable('until_us') - us_days(60)
            and getvariable('until_us') - us_days(1)
        and arg_max(applications.application_id, acts.event_us) not in (
            select real_application_id
            from seen_outcomes
            where real_application_id is not null and status != 'confirmed'
        )
)

select 'flagship_interest' as audience, scope, person_no from flagship
union all
select distinct 'yeouido_branch', scope, person_no
from recent
where act = 'viewed_branch' and object = 'yeouido'
union all
select 'test_drive_abandoners', scope, person_no
from clicks
left join leads using (scope, person_no)
where clicked_us <= getvariable('until_us') - us_hours(1)
    and coalesce(applied_us < clicked_us, true)
union all
select 'waiting_for_a_date', scope, person_no from waiting;

create table truth_audiences as
select
    audience,
    people.person,
    bool_or(scope = 'login') as by_login,
    bool_or(scope = 'record') as by_record
from truth_audience_scopes
inner join people using (person_no)
group by audience, people.person
having bool_or(scope = 'world');

-- Step by step: the latest beginning from which this step can still be reached in time.
create table truth_funnel_people as
with steps as (
    select scope || person_no as subject, *
    from truth_acts
    where act = 'viewed_model' or object = 'test_drive'
),

viewed as (
    select subject, event_us, event_us as began_us from steps where act = 'viewed_model'
),

clicked as (
    select click.subject, click.event_us, viewed.began_us
    from steps as click
    asof inner join viewed
        on viewed.subject = click.subject and viewed.event_us < click.event_us
    where click.act = 'apply_click' and click.event_us <= viewed.began_us + us_days(30)
),

completed as (
    select lead.subject, lead.event_us, clicked.began_us
    from steps as lead
    asof inner join clicked
        on clicked.subject = lead.subject and clicked.event_us < lead.event_us
    where lead.act = 'generate_lead' and lead.event_us <= clicked.began_us + us_days(30)
),

visited as (
    select visit.subject, visit.event_us, completed.began_us
    from steps as visit
    asof inner join completed
        on completed.subject = visit.subject and completed.event_us < visit.event_us
    where visit.act = 'visited' and visit.event_us <= completed.began_us + us_days(30)
),

reached as (
    select subject, 1 as depth from viewed
    union all select subject, 2 from clicked
    union all select subject, 3 from completed
    union all select subject, 4 from visited
),

deepest as (
    select subject, max(depth) as depth from reached group by subject
)

select
    people.person,
    max(depth) filter (scope = 'world') as depth,
    coalesce(max(depth) filter (scope = 'login'), 0) as depth_by_login,
    coalesce(max(depth) filter (scope = 'record'), 0) as depth_by_record
from (select distinct subject, scope, person_no from steps) as subjects
inner join deepest using (subject)
inner join people using (person_no)
group by people.person;

create table truth_funnel as
select
    step_number,
    step,
    (select count(*) from truth_funnel_people where depth >= step_number) as people
from (
    values (1, 'viewed_model'), (2, 'clicked_apply'), (3, 'completed_application'), (4, 'visited')
)
    as s (step_number, step);

-- How far people really came towards a test drive:
-- looked, tried to apply, applied, had a date, came.
create table truth_stage_people as
select
    people.person,
    max(stage_number) filter (scope = 'world') as reached,
    coalesce(max(stage_number) filter (scope = 'login'), 0) as reached_by_login,
    coalesce(max(stage_number) filter (scope = 'record'), 0) as reached_by_record
from truth_acts
inner join (
    values ('viewed_model', 1), ('apply_click', 2),
    ('generate_lead', 3), ('scheduled', 4), ('visited', 5)
) as stages (act, stage_number) using (act)
inner join people using (person_no)
where act = 'viewed_model' or object = 'test_drive'
group by people.person;
