-- conversions of a person within the window of a message that reached them
with messages as (

    select message_key, person_id, channel, reached_at, opened_at, clicked_at, window_hours
    from {{ ref('sent_messages') }}
    where person_id is not null and reached_at is not null

),

conversions as (

    select
        conversion_key, conversion_type, person_id, converted_at,
        online_value, verified_state, verified_value
    from {{ ref('conversions') }}
    where person_id is not null

),

windows as (

    select channel, conversion_type, window_hours
    from {{ list_of('message_channels') }}
    where coalesce(conversion_type, '') <> ''

),

matched as (

    select
        messages.message_key,
        messages.person_id,
        messages.channel,
        messages.reached_at,
        messages.opened_at,
        messages.clicked_at,
        conversions.conversion_key,
        conversions.conversion_type,
        conversions.converted_at,
        conversions.online_value,
        conversions.verified_state,
        conversions.verified_value,
        coalesce(windows.window_hours, messages.window_hours) as window_hours
    from messages
    inner join conversions
        on messages.person_id = conversions.person_id
        and messages.reached_at <= conversions.converted_at
    left join windows
        on messages.channel = windows.channel
        and conversions.conversion_type = windows.conversion_type

),

final as (

    select
        {{ surrogate_key(['message_key', 'conversion_key']) }} as message_conversion_key,
        message_key,
        conversion_key,
        conversion_type,
        person_id,
        channel,
        reached_at,
        converted_at,
        coalesce(opened_at <= converted_at, false) as is_after_open,
        coalesce(clicked_at <= converted_at, false) as is_after_click,
        row_number() over (partition by conversion_key order by reached_at desc, message_key) = 1
            as is_last_message,
        count(*) over (partition by conversion_key) as messages_before,
        online_value,
        verified_state,
        verified_value
    from matched
    where converted_at <= {{ timestamp_plus('reached_at', 'window_hours', 'hour') }}

)

select * from final
