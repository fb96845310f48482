{%- set seconds = number_within(number_from_text('time'), '1e10') -%}

-- what every event of Currents has, once:
-- Braze delivers at least once, and the hour in a file's path is its queue's
with source as (

    select *
    from {{ source('braze', 'events') }}
    where id is not null and {{ known_by_then() }}

),

renamed as (

    select
        -- ids
        id as event_id,
        user_id as braze_user_id,
        external_user_id,
        device_id as braze_device_id,
        app_id,
        campaign_id,
        canvas_id,
        canvas_step_id,
        coalesce(message_variation_id, canvas_variation_id) as variation_id,
        send_id,
        dispatch_id,
        subscription_group_id,
        product_id,
        orphaned_by_id,

        -- strings
        event_type,
        platform,
        coalesce(campaign_name, canvas_name) as campaign_name,
        canvas_step_name,
        coalesce(message_variation_name, canvas_variation_name) as variation_name,
        {{ normalize_email('email_address') }} as email,
        {{ normalize_phone('coalesce(to_phone_number, user_phone_number)') }} as phone,
        subscription_status,
        lower(channel) as subscription_channel,
        state_change_source,
        coalesce(url, short_url) as url,
        link_alias,
        suspected_bot_click_reason as bot_click_reason,
        coalesce(bounce_reason, error, abort_log, abort_type) as failure_reason,
        provider_error_code,
        conversion_behavior,
        name as custom_event,
        action as reply_meaning,
        {{ currency_code('currency') }} as currency,
        properties,
        other_fields,

        -- numerics
        {{ number_from_text('price') }} as price,
        {{ safe_cast_as('conversion_behavior_index', 'int64') }} as conversion_number,

        -- booleans
        lower(coalesce(machine_open, 'false')) not in ('', 'false') as is_machine_open,
        coalesce(is_suspected_bot_click = 'true', false) as is_bot_click,
        in_control_group = 'true' as is_in_control,

        -- timestamps
        {{ timestamp_from_micros('cast(' ~ seconds ~ ' * 1000000 as int64)') }} as event_at,
        _sha256 as file_sha256,
        _row as file_row,
        _loaded_at as loaded_at
    from source

),

deduplicated as (

    select
        *,
        count(*) over (partition by event_id) as deliveries
    from renamed
    qualify row_number() over (
        partition by event_id
        order by loaded_at, file_sha256, file_row
    ) = 1

),

-- Braze's button "Send test events" writes moments in 2033 and later
final as (

    select
        *,
        event_at > {{ timestamp_plus('loaded_at', 1, 'day') }}
        or coalesce(external_user_id in ({{ text_literals(var('braze_test_users')) }}), false)
            as is_test
    from deduplicated
    where event_at is not null

)

select * from final
