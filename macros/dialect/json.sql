{# Text that holds JSON. #}

{#
    The value under a key of an object, as text;
    null where the text is no JSON, has no such key, or has an object or list there.
#}
{% macro json_text(expression, key) -%}
    {{ adapter.dispatch('json_text', 'madang')(expression, key) }}
{%- endmacro %}

{% macro default__json_text(expression, key) -%}
    json_value({{ expression }}, {{ text_literal('$."' ~ key ~ '"') }})
{%- endmacro %}

{% macro duckdb__json_text(expression, key) -%}
    case
        when json_valid({{ expression }})
            and json_type(
                {{ expression }}, {{ text_literal('$."' ~ key ~ '"') }}
            ) not in ('OBJECT', 'ARRAY')
            then json_extract_string({{ expression }}, {{ text_literal('$."' ~ key ~ '"') }})
    end
{%- endmacro %}


{# An object of the given keys as JSON text; each value is an expression of a text, or null. #}
{% macro json_object(values) %}{{ adapter.dispatch('json_object', 'madang')(values) }}{% endmacro %}

{% macro default__json_object(values) -%}
    to_json_string(struct(
        {% for key, expression in values.items() %}
        {{ expression }} as `{{ key }}`{{ ', ' if not loop.last }}
        {% endfor %}
    ))
{%- endmacro %}

{% macro duckdb__json_object(values) -%}
    cast(to_json(struct_pack(
        {% for key, expression in values.items() %}
        "{{ key }}" := {{ expression }}{{ ', ' if not loop.last }}
        {% endfor %}
    )) as string)
{%- endmacro %}


{# A text that is JSON as the warehouse's own type of JSON. #}
{% macro json_of(expression) %}{{ adapter.dispatch('json_of', 'madang')(expression) }}{% endmacro %}

{% macro default__json_of(expression) -%}
    parse_json({{ expression }})
{%- endmacro %}

{% macro duckdb__json_of(expression) -%}
    cast({{ expression }} as json)
{%- endmacro %}
