-- events without a dispatch: they belong to the last message of their user,
-- channel and campaign that began before
with messages as (

    select
        event_id, current_user_id, channel, outcome, dispatch_id,
        campaign_id, canvas_id, canvas_step_id, event_at
    from {{ ref('stg_braze__messages') }}
    where not (is_test or is_deleted)

    union all

    select
        event_id,
        current_user_id,
        channel,
        'unsubscribed' as outcome,
        dispatch_id,
        campaign_id,
        canvas_id,
        canvas_step_id,
        event_at
    from {{ ref('stg_braze__subscriptions') }}
    where
        not (is_test or is_deleted)
        and status = 'unsubscribed'
        and coalesce(campaign_id, canvas_id) is not null

),

channels as (

    select channel, starts_with
    from {{ list_of('message_channels') }}
    where coalesce(conversion_type, '') = ''

),

events as (

    select
        messages.event_id,
        messages.current_user_id,
        messages.channel,
        messages.dispatch_id,
        coalesce(messages.campaign_id, messages.canvas_id, '') as campaign,
        coalesce(messages.canvas_step_id, '') as step,
        messages.event_at,
        messages.outcome = coalesce(channels.starts_with, 'sent') as is_start
    from messages
    left join channels on messages.channel = channels.channel

),

threads as (

    select distinct current_user_id, channel, campaign, step
    from events
    where dispatch_id is null

),

-- the sendings with a dispatch that an event without one may belong to
combined as (

    select *
    from events
    where dispatch_id is null

    union all

    select events.*
    from events
    inner join threads
        on events.current_user_id = threads.current_user_id
        and events.channel = threads.channel
        and events.campaign = threads.campaign
        and events.step = threads.step
    where events.dispatch_id is not null and events.is_start

),

placed as (

    select
        event_id,
        dispatch_id,
        campaign,
        step,
        last_value(case when is_start then coalesce(dispatch_id, event_id) end ignore nulls) over (
            partition by current_user_id, channel, campaign, step
            order by event_at, case when is_start then 0 else 1 end, event_id
            rows between unbounded preceding and current row
        ) as message_ref
    from combined

),

final as (

    select
        event_id,
        coalesce(message_ref, concat('no sending: ', campaign, ' ', step)) as message_ref,
        message_ref is not null as has_sending
    from placed
    where dispatch_id is null

)

select * from final
