-- What Braze tells of its messages, as rows of Currents.

-- Who comes into an experiment when the app is opened, as Braze knows them.
create table enrolments as
select
    case when not is_canvas then experiment end as campaign_name,
    case when not is_canvas then uuid_of(experiment) end as campaign_id,
    case when is_canvas then uuid_of('canvas:' || experiment) end as canvas_id,
    case when is_canvas then experiment end as canvas_name,
    case when is_canvas then uuid_of('canvas:' || experiment || ':offer') end as canvas_step_id,
    case when is_canvas then 'offer' end as canvas_step_name,
    braze_users.*,
    key,
    case when is_control then 'Control' when draw(key, 'variant') < 0.5 then 'A' else 'B' end
        as variant,
    is_control,
    enrolled_us
from experiment_people
inner join braze_users using (person_no)
where queued_us(enrolled_us) <= getvariable('until_us');

-- Messages inside the app need no consent: whoever opens it in these hours sees them. Each week has
-- one of a campaign; a Canvas welcomes people in two steps.
-- Of two variants the second one is tapped
-- more often.
create table in_app_views as
with offered as (
    select
        message_campaign('inapp', week) as campaign_name,
        uuid_of('inapp' || week) as campaign_id,
        null::varchar as canvas_id,
        null::varchar as canvas_name,
        null::varchar as canvas_step_id,
        null::varchar as canvas_step_name,
        message_us('push', week) as sent_us
    from range(1 + getvariable('days') // 7) as t (week)
    union all
    select
        null,
        null,
        uuid_of('canvas:welcome'),
        'welcome',
        uuid_of('canvas:welcome:' || step),
        step,
        message_us('email', n)
    from (values ('greeting', 1), ('first_offer', 2)) as steps (step, n)
),

users as (
    select braze_users.*, min(registered_us) as registered_us
    from braze_users
    inner join seen_crm_rows using (person_no)
    group by all
),

shown as (
    select
        offered.*,
        users.*,
        coalesce(campaign_id, canvas_step_id) || ':' || person_no as key,
        -- Who opens the app for the first step opens it for the second one, too.
        case
            when draw(coalesce(campaign_id, canvas_id) || ':' || person_no, 'variant') < 0.5
                then 'A'
            else 'B'
        end as variant,
        sent_us + us_hours(0.5 + 20 * draw(
            coalesce(campaign_id, canvas_step_id) || ':' || person_no, 'shown'
        )) as shown_us
    from offered
    cross join users
    where draw(coalesce(campaign_id, canvas_id) || ':' || person_no, 'opens_app') < 0.06
    union all by name
    select
        * exclude (is_control, enrolled_us),
        enrolled_us as sent_us,
        enrolled_us as shown_us,
        0 as registered_us
    from enrolments
    where not is_control
)

select
    *,
    shown_us + us_hours(0.003) as clicked_us,
    draw(key, 'taps') < case variant when 'A' then 0.12 else 0.30 end
        and queued_us(shown_us + us_hours(0.003)) <= getvariable('until_us') as is_clicked
from shown
where shown_us > registered_us and queued_us(shown_us) <= getvariable('until_us');

create table braze_events as
with told as (
    select *, 'messages.' || case channel when 'push' then 'pushnotification' else channel end
        || '.Send' as kind, sent_us as at_us, null::varchar as note
    from sends
    union all
    select *, 'messages.' || channel || '.Delivery', delivered_us, null
    from sends where channel in ('email', 'sms') and not is_bounced
    union all
    select *, 'messages.email.Bounce', delivered_us, 'mailbox unavailable'
    from sends where channel = 'email' and is_bounced and draw(key, 'soft') < 0.6
    union all
    select *, 'messages.email.SoftBounce', delivered_us, 'mailbox full'
    from sends where channel = 'email' and is_bounced and draw(key, 'soft') >= 0.6
    union all
    select *, 'messages.sms.DeliveryFailure', delivered_us, 'unreachable'
    from sends where channel = 'sms' and is_bounced
    union all
    -- A mail client that fetches pictures is not a reader.
    select *, 'messages.email.Open', delivered_us + 4000000, 'machine'
    from sends
    where channel = 'email' and not is_bounced and draw(key, 'prefetch') < 0.15
    union all
    select *, 'messages.email.Open', delivered_us + us_hours(0.2 + 9 * draw(key, 'opened')), null
    from sends
    where channel = 'email' and not is_bounced and draw(key, 'opens') < 0.34
    union all
    select
        *,
        'messages.email.Click',
        delivered_us + us_hours(0.2 + 9 * draw(key, 'opened')) + 40000000,
        null
    from sends
    where channel = 'email' and not is_bounced and draw(key, 'opens') < 0.06
    union all
    -- A scanner follows every link within seconds.
    select *, 'messages.email.Click', delivered_us + 2000000, 'bot'
    from sends
    where channel = 'email' and not is_bounced and draw(key, 'scanned') < 0.05
    union all
    select
        *, 'messages.pushnotification.Open', delivered_us + us_hours(3 * draw(key, 'opened')), null
    from sends where channel = 'push' and draw(key, 'opens') < 0.08
    union all
    select
        *,
        case leaves_by
            when 'spam' then 'messages.email.MarkAsSpam'
            when 'unsubscribe' then 'messages.email.Unsubscribe'
            when 'global' then 'behaviors.subscription.GlobalStateChange'
            else 'behaviors.subscriptiongroup.StateChange'
        end,
        ended_us,
        null
    from sends where leaves_by is not null
    union all
    select
        *, 'campaigns.Conversion', delivered_us + us_hours(10 + draw(key, 'converts_at') * 8), null
    from sends where channel = 'email' and draw(key, 'opens') < 0.012
),

unsubscribed as (
    select
        campaigns.*,
        braze_users.*,
        campaign_name || ':' || braze_users.person_no as key,
        campaigns.sent_us as delivered_us,
        false as is_bounced,
        false as is_dead_address,
        'log' as leaves_by,
        null::bigint as ended_us,
        'messages.email.Unsubscribe' as kind,
        seen_consents.occurred_us as at_us,
        null::varchar as note
    from seen_consents
    asof inner join (select * from campaigns where channel = 'email') as campaigns
        on campaigns.sent_us <= seen_consents.occurred_us
    inner join braze_users on braze_users.person_no = seen_consents.person_no
    where collected_via = 'email_unsubscribe' and braze_users.email is not null
),

in_app as (
    select *, 'messages.inappmessage.Impression' as kind, shown_us as at_us from in_app_views
    union all
    select *, 'messages.inappmessage.Click', clicked_us from in_app_views where is_clicked
),

enrolled as (
    select *, 'canvas.Entry' as kind, enrolled_us as at_us
    from enrolments
    where canvas_id is not null
    union all
    select *, 'campaigns.EnrollInControl', enrolled_us
    from enrolments where campaign_id is not null and is_control
),

everything as (
    select * from told
    union all by name
    select * from unsubscribed
    union all by name
    select * exclude (registered_us), 'in_app_message' as channel, null::varchar as note from in_app
    union all by name
    select * exclude (enrolled_us) from enrolled
)

select
    'users.' || kind as event_type,
    uuid_of(key || kind || coalesce(note, '') || case leaves_by when 'log' then 'log' else '' end)
        as id,
    campaign_id,
    campaign_name,
    canvas_id,
    canvas_name,
    canvas_step_id,
    canvas_step_name,
    variant,
    channel,
    customer_no as external_user_id,
    uuid_of('braze' || person) as user_id,
    email as email_address,
    '+82' || phone_digits as to_phone_number,
    at_us // 1000000 as time,
    note,
    key,
    coalesce(is_control, false) as is_control,
    -- A file carries the hour of the queue.
    strftime(make_timestamp(queued_us(at_us)), '%Y-%m-%d-%H') as queued,
    case when draw(key || kind, 'again') < 0.01 then 2 else 1 end as copies
from everything
where queued_us(at_us) <= getvariable('until_us')
order by event_type, queued, time, id;
