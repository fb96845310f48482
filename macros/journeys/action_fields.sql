{#
    What a named action may read of an event beside the parameters in var('ga4_params'), with types.
    A parameter of one of these names is asked for as `param_<name>`. `madang check` knows the same
    names
    (scripts/madang/specs/fields.py); a test holds the two lists together.
#}
{% macro action_event_fields() %}
    {{ return({
        'page_path': 'string',
        'page_location': 'string',
        'page_referrer': 'string',
        'page_title': 'string',
        'hostname': 'string',
        'property_id': 'string',
        'stream_id': 'string',
        'platform': 'string',
        'device_category': 'string',
        'operating_system': 'string',
        'browser': 'string',
        'country': 'string',
        'region': 'string',
        'city': 'string',
        'transaction_id': 'string',
        'purchase_revenue': 'float64',
        'refund_value': 'float64',
        'method': 'string',
        'value': 'float64',
        'currency': 'string',
        'engagement_time_msec': 'int64',
    }) }}
{% endmacro %}


{# What it may read of an item of the event: the columns of stg_ga4__items, as GA4 names them. #}
{% macro action_item_fields() %}
    {{ return({
        'item_id': 'string',
        'item_name': 'string',
        'item_brand': 'string',
        'item_variant': 'string',
        'item_category': 'string',
        'item_category2': 'string',
        'item_category3': 'string',
        'item_category4': 'string',
        'item_category5': 'string',
        'price': 'float64',
        'quantity': 'int64',
        'item_revenue': 'float64',
        'item_refund': 'float64',
        'coupon': 'string',
        'affiliation': 'string',
        'location_id': 'string',
        'item_list_id': 'string',
        'item_list_name': 'string',
        'promotion_id': 'string',
        'promotion_name': 'string',
    }) }}
{% endmacro %}


{# A field's column and type: {column, type}. #}
{% macro action_event_field(name) %}
    {% set fields = action_event_fields() %}
    {% if name in fields %}{{ return({'column': name, 'type': fields[name]}) }}{% endif %}
    {% set params = ga4_params() %}
    {% set param = name[6:] if name not in params and name.startswith('param_') else name %}
    {{ return({'column': ga4_param_column(param) | trim, 'type': params.get(param, 'string')}) }}
{% endmacro %}

{% macro action_item_field(name) %}
    {{ return({'column': name, 'type': action_item_fields().get(name, 'string')}) }}
{% endmacro %}


{# The event's columns that the actions read, beside those that every action has. #}
{% macro action_columns(actions) %}
    {% set names = ['currency'] %}
    {% for action in actions %}
        {% do names.extend(action_condition_fields(action)) %}
        {% for key in ['object_type', 'object_id', 'object_name', 'value']
            if action.get(key) is mapping and 'param' in action[key] %}
            {% do names.append(action[key].param) %}
        {% endfor %}
    {% endfor %}
    {% set columns = [] %}
    {% for name in names %}{% do columns.append(action_event_field(name).column) %}{% endfor %}
    {{ return(columns | unique | reject('equalto', 'property_id') | list) }}
{% endmacro %}

{% macro action_condition_fields(block) %}
    {% set names = block.get('where', {}).keys() | list %}
    {% for key, name in [
        ('page_path', 'page_path'), ('hostname', 'hostname'), ('page_query', 'page_location')
    ] if key in block %}
        {% do names.append(name) %}
    {% endfor %}
    {% for inner in action_inner_blocks(block) %}
        {% do names.extend(action_condition_fields(inner)) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}


{# The blocks inside a block, under any, all and not. #}
{% macro action_inner_blocks(block) %}
    {{ return(
        block.get('any', []) + block.get('all', []) + ([block['not']] if block.get('not') else [])
    ) }}
{% endmacro %}


{#
    A literal, a parameter ({param: name}) of `event` or a field ({item: name}) of `item`, as text.
#}
{% macro action_object(field, event, item) -%}
    {%- if field is none -%} cast(null as string)
    {%- elif field is not mapping -%} {{ text_literal(field) }}
    {%- elif 'item' in field -%} {{ field_text(item ~ '.', action_item_field(field.item)) }}
    {%- else -%} {{ field_text(event ~ '.', action_event_field(field.param)) }}
    {%- endif -%}
{%- endmacro %}

{# The same as a number; text that is none is null. #}
{% macro action_value(field, event, item) -%}
    {%- set of_item = 'item' in field -%}
    {%- set read = action_item_field(field.item) if of_item else action_event_field(field.param) -%}
    {%- set column = (item if of_item else event) ~ '.' ~ read.column -%}
    {{ number_from_text(column) if read.type == 'string' else safe_cast_as(
        number_within(column), float64()
    ) }}
{%- endmacro %}

{% macro field_text(relation, field) -%}
    {%- if field.type == 'float64' -%} {{ float_text(relation ~ field.column) }}
    {%- else -%} cast({{ relation }}{{ field.column }} as string)
    {%- endif -%}
{%- endmacro %}


{#
    An action's object or value, by action; `key` is object_type, object_id, object_name or value.
    `event` is the relation of the event with its named_action, `item` that of the item.
#}
{% macro action_case(actions, key, event, item) -%}
    {%- set cases = [] -%}
    {%- for action in actions if action.get(key) is not none and key in action -%}
        {%- set said = action_value(action[key], event, item)
            if key == 'value' else action_object(action[key], event, item) -%}
        {%- do cases.append('when ' ~ text_literal(action.name) ~ ' then ' ~ said) -%}
    {%- endfor -%}
    {%- set type = float64() if key == 'value' else 'string' -%}
    {%- if cases -%}
        case {{ event }}.named_action
            {{ cases | join('\n            ') }}
        end
    {%- else -%} cast(null as {{ type }})
    {%- endif -%}
{%- endmacro %}
