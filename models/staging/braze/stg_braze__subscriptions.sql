-- changes of what somebody subscribed to in Braze: all of a channel, or one subscription group
with events as (

    select *
    from {{ ref('base_braze__events') }}
    where event_type in (
        'users.behaviors.subscription.GlobalStateChange', 'users.behaviors.subscriptiongroup.StateChange'
    )

),

users as (

    select braze_user_id, external_user_id, is_orphan, is_deleted
    from {{ ref('stg_braze__users') }}

),

final as (

    select
        events.event_id,
        events.braze_user_id,
        coalesce(users.external_user_id, events.external_user_id) as external_user_id,
        events.subscription_group_id,
        case when events.event_type like '%subscriptiongroup%' then 'group' else 'global' end as scope,
        events.subscription_channel as channel,
        case lower(events.subscription_status)
            when 'subscribed' then 'subscribed'
            when 'opted_in' then 'opted_in'
            when 'optedin' then 'opted_in'
            when 'unsubscribed' then 'unsubscribed'
            else lower(events.subscription_status)
        end as status,
        events.state_change_source,
        events.campaign_id,
        events.canvas_id,
        events.campaign_name,
        case when not coalesce(users.is_deleted, false) then events.email end as email,
        case when not coalesce(users.is_deleted, false) then events.phone end as phone,
        events.is_test,
        coalesce(users.is_orphan, false) as is_orphan,
        coalesce(users.is_deleted, false) as is_deleted,
        events.event_at,
        events.loaded_at
    from events
    left join users on events.braze_user_id = users.braze_user_id

)

select * from final
