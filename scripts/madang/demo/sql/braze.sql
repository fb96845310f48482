-- What Braze tells of its messages, as rows of Currents.

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
    select *, 'messages.pushnotification.Open', delivered_us + us_hours(3 * draw(key, 'opened')), null
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
    select *, 'campaigns.Conversion', delivered_us + us_hours(10 + draw(key, 'converts_at') * 8), null
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

everything as (
    select * from told
    union all
    select * from unsubscribed
)

select
    'users.' || kind as event_type,
    uuid_of(key || kind || coalesce(note, '') || case leaves_by when 'log' then 'log' else '' end) as id,
    campaign_id,
    campaign_name,
    channel,
    customer_no as external_user_id,
    uuid_of('braze' || person) as user_id,
    email as email_address,
    '+82' || phone_digits as to_phone_number,
    at_us // 1000000 as time,
    note,
    key,
    -- A file carries the hour of the queue.
    strftime(make_timestamp(queued_us(at_us)), '%Y-%m-%d-%H') as queued,
    case when draw(key || kind, 'again') < 0.01 then 2 else 1 end as copies
from everything
where queued_us(at_us) <= getvariable('until_us')
order by event_type, queued, time, id;
