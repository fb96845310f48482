{#
    CTEs with the items of the events, for actions that ask for items; nothing where no action does.
    An item has the conditions that it passes (is_item_0, ...). An event has the conditions that one
    of its items passes (has_item_0, ...).
#}
{% macro action_item_ctes(actions, conditions, days) -%}
{%- if conditions or action_names_of_items(actions) -%}
items as (

    select
        event_key,
        {%- for column in action_item_columns(actions) %}
        {{ column }},
        {%- endfor %}
        {%- for condition in conditions %}
        {{ action_item_condition(condition) }} as is_item_{{ loop.index0 }},
        {%- endfor %}
        item_number
    from {{ ref('stg_ga4__items') }}
    where {{ ga4_in_days(days) }}

),

item_events as (

    select
        event_key,
        {%- for condition in conditions %}
        {{ any_true('is_item_' ~ loop.index0) }} as has_item_{{ loop.index0 }},
        {%- endfor %}
        count(*) as items
    from items
    group by event_key

),
{%- endif -%}
{%- endmacro %}


{# The conditions on items that the actions make, each once. #}
{% macro action_item_conditions(actions) %}
    {% set found = [] %}
    {% for block in actions %}
        {% if block.get('item') and block.item not in found %}
            {% do found.append(block.item) %}
        {% endif %}
        {% for condition in action_item_conditions(action_inner_blocks(block))
            if condition not in found %}
            {% do found.append(condition) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# A condition on one item: all that it says holds for it. #}
{% macro action_item_condition(condition) -%}
    {%- set parts = [] -%}
    {%- for name, wanted in condition.items() -%}
        {%- do parts.append(field_matches(action_item_field(name), wanted)) -%}
    {%- endfor -%}
    {{ parts | join(' and ') }}
{%- endmacro %}


{# Whether an action is stamped once for each item, because its object or value is the item's. #}
{% macro action_is_of_items(action) %}
    {% set of_items = [] %}
    {% for key in ['object_type', 'object_id', 'object_name', 'value']
        if action.get(key) is mapping and 'item' in action[key] %}
        {% do of_items.append(key) %}
    {% endfor %}
    {{ return(of_items | length > 0) }}
{% endmacro %}


{# The item's columns that the actions take their objects and values from. #}
{% macro action_item_columns(actions) %}
    {% set columns = [] %}
    {% for action in actions %}
        {% for key in ['object_type', 'object_id', 'object_name', 'value']
            if action.get(key) is mapping and 'item' in action[key] %}
            {% do columns.append(action[key].item) %}
        {% endfor %}
    {% endfor %}
    {{ return(columns | unique | list) }}
{% endmacro %}


{# The actions that are stamped once for each item. #}
{% macro action_names_of_items(actions) %}
    {% set names = [] %}
    {% for action in actions if action_is_of_items(action) %}
        {% do names.append(action.name) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}


{#
    The names of actions of items, each null where the action's own condition on
    items does not hold for an item.
#}
{% macro action_names_for_an_item(actions, conditions) %}
    {% set names = [] %}
    {% for action in actions if action_is_of_items(action) %}
        {% set name = text_literal(action.name) %}
        {% do names.append(
            'case when is_item_' ~ conditions.index(action.item) ~ ' then ' ~ name ~ ' end'
            if action.get('item') else name
        ) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}
