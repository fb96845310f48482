-- custom events and purchases that apps and servers report to Braze ("plan 2");
-- prices are 32-bit floats there
with events as (

    {{ braze_events(
        "events.event_type in ('users.behaviors.CustomEvent', 'users.behaviors.Purchase')"
    ) }}

),

final as (

    select
        events.event_id,
        events.braze_user_id,
        events.last_external_user_id as external_user_id,
        events.braze_device_id,
        case events.event_type
            when 'users.behaviors.Purchase' then 'purchase'
            else 'custom_event'
        end as behavior,
        events.custom_event as event_name,
        events.product_id,
        coalesce(
            {% for key in var('braze_order_id_properties') -%}
            {{ real_id(json_text('events.properties', key)) }},
            {% endfor -%}
            null
        ) as order_id,
        events.price,
        events.currency,
        events.properties,
        events.platform,
        events.is_test,
        events.is_orphan,
        events.is_deleted,
        events.event_at,
        events.loaded_at
    from events

)

select * from final
