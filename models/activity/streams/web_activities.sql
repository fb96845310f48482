with actions as (

    select
        action_key,
        action,
        event_at,
        event_date,
        event_order,
        device_id,
        person_id,
        session_key,
        object_type,
        object_id,
        object_name,
        value,
        currency
    from {{ with_person(ref('actions')) }} as actions

),

sessions as (

    select session_key, channel_group, campaign
    from {{ ref('session_channels') }}

),

final as (

    select
        actions.action_key as activity_id,
        actions.person_id,
        actions.device_id,
        actions.event_at as occurred_at,
        actions.event_date as activity_date,
        actions.event_order as activity_order,
        'ga4' as source,
        actions.action,
        actions.object_type,
        actions.object_id,
        actions.object_name,
        actions.value,
        actions.currency,
        actions.session_key,
        sessions.channel_group,
        sessions.campaign
    from actions
    left join sessions on actions.session_key = sessions.session_key

)

select * from final
