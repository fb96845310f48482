with actions as (

    select
        action_key,
        action,
        event_at,
        event_date,
        event_order,
        device_id,
        user_id,
        session_key,
        object_type,
        object_id,
        object_name,
        value,
        currency
    from {{ ref('actions') }}

),

sessions as (

    select session_key, channel_group, campaign
    from {{ ref('session_channels') }}

),

device_owners as (

    select device_id, person_id, valid_from, valid_to
    from {{ ref('device_owners') }}

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

-- a login names its own event; else the device's owner at that moment does
final as (

    select
        actions.action_key as activity_id,
        {{ known_person() }} as person_id,
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
    {{ join_known_person('actions') }}
    left join sessions on actions.session_key = sessions.session_key

)

select * from final
