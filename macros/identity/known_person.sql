{#
    Whom an event is of: who is logged in on it, else whoever owned the device at that moment, else nobody. `event` is a relation of the from clause with
    user_id, device_id and event_at; the model imports `user_ids` (user_id, person_id) and `device_owners`.
#}
{% macro known_person() -%}
    coalesce(user_ids.person_id, device_owners.person_id)
{%- endmacro %}


{% macro join_known_person(event) -%}
    left join user_ids on {{ event }}.user_id = user_ids.user_id
    left join device_owners
        on {{ event }}.device_id = device_owners.device_id
        and {{ event }}.event_at >= device_owners.valid_from
        and {{ event }}.event_at < device_owners.valid_to
{%- endmacro %}
