-- what became of each message; what a program did instead of a reader is set apart by a flag, never dropped
with events as (

    select
        *,
        {{ regex_extract('event_type', '^users[.]messages[.]([^.]+)[.]') }} as braze_channel,
        {{ regex_extract('event_type', '[.]([^.]+)$') }} as braze_outcome
    from {{ ref('base_braze__events') }}
    where event_type like 'users.messages.%'

),

names as (

    select kind, braze_name, name
    from {{ ref('braze_names') }}

),

users as (

    select braze_user_id, external_user_id, is_orphan, is_deleted
    from {{ ref('stg_braze__users') }}

),

final as (

    select
        -- ids
        events.event_id,
        events.braze_user_id,
        coalesce(users.external_user_id, events.external_user_id) as external_user_id,
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
        case when not coalesce(users.is_deleted, false) then events.email end as email,
        case when not coalesce(users.is_deleted, false) then events.phone end as phone,
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
        coalesce(users.is_orphan, false) as is_orphan,
        coalesce(users.is_deleted, false) as is_deleted,
        -- a person did something with the message
        coalesce(outcomes.name, '') in ('opened', 'clicked', 'read', 'viewed', 'dismissed', 'replied')
        and not events.is_machine_open and not events.is_bot_click and not events.is_test as is_engagement,

        -- timestamps
        events.event_at,
        events.loaded_at
    from events
    left join names as channels on events.braze_channel = channels.braze_name and channels.kind = 'channel'
    left join names as outcomes on events.braze_outcome = outcomes.braze_name and outcomes.kind = 'message'
    left join users on events.braze_user_id = users.braze_user_id

)

select * from final
