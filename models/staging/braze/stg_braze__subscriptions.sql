-- changes of what somebody subscribed to in Braze: all of a channel, or one subscription group
with events as (

    {{ braze_events(
        "events.event_type in ('users.behaviors.subscription.GlobalStateChange', "
        "'users.behaviors.subscriptiongroup.StateChange')"
    ) }}

),

final as (

    select
        events.event_id,
        events.braze_user_id,
        events.current_user_id,
        events.last_external_user_id as external_user_id,
        events.subscription_group_id,
        case when events.event_type like '%subscriptiongroup%' then 'group' else 'global' end
            as scope,
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
        events.canvas_step_id,
        events.dispatch_id,
        events.campaign_name,
        events.kept_email as email,
        events.kept_phone as phone,
        events.is_test,
        events.is_orphan,
        events.is_deleted,
        events.event_at,
        events.loaded_at
    from events

)

select * from final
