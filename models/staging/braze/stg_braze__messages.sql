-- what became of each message; what a program did instead of a reader is set apart by a flag,
-- never dropped
with messages as (

    {{ braze_events("events.event_type like 'users.messages.%'") }}

),

events as (

    select
        *,
        {{ regex_extract('event_type', '^users[.]messages[.]([^.]+)[.]') }} as braze_channel,
        {{ regex_extract('event_type', '[.]([^.]+)$') }} as braze_outcome
    from messages

),

names as (

    select kind, braze_name, name
    from {{ list_of('braze_names') }}

),

final as (

    select
        -- ids
        events.event_id,
        events.braze_user_id,
        events.current_user_id,
        events.last_external_user_id as external_user_id,
        events.braze_device_id,
        events.campaign_id,
        events.canvas_id,
        events.canvas_step_id,
        events.variation_id,
        events.send_id,
        events.dispatch_id,

        -- strings
        events.event_type,
        coalesce(channels.name, lower(events.braze_channel)) as channel,
        coalesce(outcomes.name, lower(events.braze_outcome)) as outcome,
        events.campaign_name,
        events.canvas_step_name,
        events.variation_name,
        events.kept_email as email,
        events.kept_phone as phone,
        events.platform,
        events.url,
        events.link_alias,
        events.bot_click_reason,
        events.failure_reason,
        events.provider_error_code,
        events.reply_meaning,

        -- booleans
        events.is_machine_open,
        events.is_bot_click,
        events.is_test,
        events.is_orphan,
        events.is_deleted,
        -- a person did something with the message
        coalesce(outcomes.name, '') in (
            'opened', 'clicked', 'read', 'viewed', 'dismissed', 'replied'
        )
        and not events.is_machine_open
        and not events.is_bot_click
        and not events.is_test as is_engagement,

        -- timestamps
        events.event_at,
        events.loaded_at
    from events
    left join names as channels
        on events.braze_channel = channels.braze_name and channels.kind = 'channel'
    left join names as outcomes
        on events.braze_outcome = outcomes.braze_name and outcomes.kind = 'message'

)

select * from final
