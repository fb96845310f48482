{# Text that holds JSON. #}

{# The value under a key of an object, as text; null where the text is no JSON, has no such key, or has an object or list there. #}
{% macro json_text(expression, key) %}{{ adapter.dispatch('json_text', 'madang')(expression, key) }}{% endmacro %}

{% macro default__json_text(expression, key) -%}
    json_value({{ expression }}, {{ text_literal('$."' ~ key ~ '"') }})
{%- endmacro %}

{% macro duckdb__json_text(expression, key) -%}
    case
        when json_valid({{ expression }})
            and json_type({{ expression }}, {{ text_literal('$."' ~ key ~ '"') }}) not in ('OBJECT', 'ARRAY')
            then json_extract_string({{ expression }}, {{ text_literal('$."' ~ key ~ '"') }})
    end
{%- endmacro %}
