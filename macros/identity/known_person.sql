{#
    Events with the person of each: who is logged in on the event, else the owner of the device at
    that moment, else null. `events` is a relation with user_id, device_id and event_at. The result
    has all its columns and person_id.
#}
{% macro with_person(events) -%}
    (
        select
            events.*,
            coalesce(user_ids.person_id, device_owners.person_id) as person_id
        from {{ events }} as events
        left join {{ ref('person_identifiers') }} as user_ids
            on events.user_id = user_ids.identifier_value
            and user_ids.identifier_type = 'user_id'
        left join {{ ref('device_owners') }} as device_owners
            on events.device_id = device_owners.device_id
            and events.event_at >= device_owners.valid_from
            and events.event_at < device_owners.valid_to
    )
{%- endmacro %}
