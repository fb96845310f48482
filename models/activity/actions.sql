{%- if not execute %}{{ ref('stg_ga4__items') }}{% endif -%}
{%- for name in ([] if execute else var('madang_actions', [])) %}{% do ref(name) %}{% endfor -%}
{%- set actions = ga4_actions() -%}
{%- set item_conditions = action_item_conditions(actions) -%}
{%- set debounced = actions | selectattr('debounce', 'defined') | list -%}
{%- set of_items = action_names_of_items(actions) -%}
{%- set days = ga4_changed_days() -%}
{{ config(**built_by_day({'params': ga4_params()}, retyped="{'event_order': 'wide_int'}")) }}
{%- do overwrites_days(days) -%}

with events as (

    select
        event_key,
        property_id,
        event_name,
        event_at,
        event_date,
        event_order,
        user_pseudo_id,
        user_id,
        session_key,
        {{ action_columns(actions) | join(', ') }}
    from {{ ref('stg_ga4__events') }}
    where {{ ga4_in_days(days) }} and event_name in ({{ text_literals(action_events(actions)) }})

),

{{ action_item_ctes(actions, item_conditions, days) }}

-- every event is held against all actions at once: one pass, however many actions there are
stamped as (

    select
        events.*,
        named_action
    from events
    {% if item_conditions -%}
    left join item_events on events.event_key = item_events.event_key
    {% endif -%}
    cross join {{ rows_of_array(action_names_that_hold(actions, item_conditions), 'named_action') }}
    where named_action is not null

),

{% if of_items -%}
-- each item with each action that is stamped for it
item_actions as (

    select
        items.*,
        item_action
    from items
    cross join {{ rows_of_array(
        action_names_for_an_item(actions, item_conditions), 'item_action'
    ) }}
    where item_action is not null

),

{% endif -%}
with_object as (

    select
        {% for column in [
            'event_key', 'property_id', 'event_at', 'event_date',
            'event_order', 'user_id', 'session_key', 'currency',
        ] -%}
        stamped.{{ column }},
        {% endfor -%}
        stamped.user_pseudo_id as device_id,
        stamped.named_action as action,
        {% for field in ['object_type', 'object_id', 'object_name'] -%}
        {{ action_case(actions, field, event='stamped', item='item_actions') }} as {{ field }},
        {% endfor -%}
        {{ action_case(actions, 'value', event='stamped', item='item_actions') }} as value,
        {% if of_items -%}
        item_actions.item_number
        {%- else -%}
        cast(null as int64) as item_number
        {%- endif %}
    from stamped
    {% if of_items -%}
    left join item_actions
        on stamped.event_key = item_actions.event_key
        and stamped.named_action = item_actions.item_action
    where
        stamped.named_action not in ({{ text_literals(of_items) }})
        or item_actions.event_key is not null
    {% endif %}

),

{% if debounced -%}
-- the same again on one device, too soon after the one before it within the day
spaced as (

    select
        *,
        {{ micros_of('event_at') }} - lag({{ micros_of('event_at') }}) over (
            partition by
                event_date, property_id, coalesce(device_id, event_key),
                action, object_type, object_id, object_name
            order by event_order, event_key, item_number
        ) as micros_since_last
    from with_object

),

{% endif -%}
final as (

    select
        case
            when item_number is null then {{ surrogate_key(['event_key', 'action']) }}
            else {{ surrogate_key(['event_key', 'action', 'item_number']) }}
        end as action_key,
        event_key,
        property_id,
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
    from {{ 'spaced' if debounced else 'with_object' }}
    {% if debounced -%}
    where
        case action
            {% for action in debounced -%}
            when {{ text_literal(action.name) }}
                then coalesce(micros_since_last >= {{ action_debounce(action) }}, true)
            {% endfor -%}
            else true
        end
    {% endif %}

)

select * from final
