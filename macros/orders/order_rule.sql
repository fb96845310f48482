{#
    What counts as an order: var('order_rule') over the defaults. docs/orders.md explains each key;
    `madang check` tells mistakes with their line.
#}
{% macro order_rule() %}
    {% set rule = {
        'one_order_per': 'person',
        'transaction_id': 'record_or_parameter',
        'placeholders': none,
        'placeholder_id': 'if_revenue',
        'empty_id': 'if_revenue',
        'missing_id': 'if_revenue',
        'repeat_days': none,
        'minimum_revenue': none,
        'test_ids': none,
        'leave_out': [],
    } %}
    {% set choices = {
        'one_order_per': ['person', 'device', 'property', 'event'],
        'transaction_id': ['record_or_parameter', 'record'],
        'placeholder_id': ['if_revenue', 'count', 'exclude'],
        'empty_id': ['if_revenue', 'count', 'exclude'],
        'missing_id': ['if_revenue', 'count', 'exclude'],
    } %}
    {% for key, said in (var('order_rule', none) or {}).items() %}
        {% if key not in rule or said not in choices.get(key, [said]) %}
            {% do exceptions.raise_compiler_error(
                "vars.order_rule: " ~ key ~ ": " ~ said ~ " is not known. " ~ (
                    "Known keys: " ~ rule.keys() | join(', ')
                    if key not in rule else "One of: " ~ choices[key] | join(', ')
                ) ~ "."
            ) %}
        {% endif %}
        {% do rule.update({key: said}) %}
    {% endfor %}
    {{ return(rule) }}
{% endmacro %}


{# Whether a transaction id names an order: real, placeholder, empty or missing. #}
{% macro transaction_id_kind(expression) -%}
    case
        when {{ expression }} is null then 'missing'
        when trim({{ expression }}) = '' then 'empty'
        {%- set placeholders = order_rule().placeholders %}
        {%- if placeholders is none %}
        when {{ is_placeholder_id(expression) }} then 'placeholder'
        {%- else %}
        when lower(trim({{ expression }})) in (
            {{ text_literals(placeholders | map('string') | map('lower') | list) }}
        )
            then 'placeholder'
        {%- endif %}
        else 'real'
    end
{%- endmacro %}


{#
    The transaction id as it was exported: of the ecommerce record, else of the parameter,
    where the rule looks there too and the record names no order.
#}
{% macro exported_transaction_id() -%}
    {%- if order_rule().transaction_id == 'record' -%}
    ecommerce_transaction_id
    {%- else -%}
    case
        when {{ transaction_id_kind('ecommerce_transaction_id') }} = 'real'
            then ecommerce_transaction_id
        when {{ transaction_id_kind('param_transaction_id') }} = 'real' then param_transaction_id
        else coalesce(ecommerce_transaction_id, param_transaction_id)
    end
    {%- endif -%}
{%- endmacro %}


{# Whose events with one transaction id are one order. #}
{% macro order_scope() -%}
    {%- set scopes = {
        'person': 'subject_id', 'device': 'device_id', 'property': "''", 'event': 'event_key'
    } -%}
    {{ scopes[order_rule().one_order_per] }}
{%- endmacro %}


{# The column that flags an event for which the rule may leave it out. #}
{% macro order_flag(reason) -%}
    {{ {
        'internal_traffic': 'is_internal', 'measurement_protocol': 'is_measurement_protocol'
    }[reason] }}
{%- endmacro %}


{# Why an event is left out whatever it says of an order; null where it is not. #}
{% macro order_left_out() -%}
    {%- set rule = order_rule() -%}
    case
        {%- for reason in rule.leave_out %}
        when {{ order_flag(reason) }} then '{{ reason }}'
        {%- endfor %}
        {%- if rule.test_ids %}
        when {{ regex_matches('trim(transaction_id)', rule.test_ids) }} then 'test_order'
        {%- endif %}
        {%- for kind in ['placeholder', 'empty', 'missing'] if rule[kind ~ '_id'] == 'exclude' %}
        when id_kind = '{{ kind }}' then '{{ kind }}_id'
        {%- endfor %}
        when false then ''
    end
{%- endmacro %}


{#
    Whether a refund comes so soon after the same one that it is a repeat;
    `micros` is null where there is none before.
#}
{% macro is_repeat(micros) -%}
    {%- set days = order_rule().repeat_days -%}
    {%- if days is none -%}
        ({{ micros }} is not null) {%- else -%} coalesce(
            {{ micros }} <= {{ days }} * 86400000000, false
        )
    {%- endif -%}
{%- endmacro %}
