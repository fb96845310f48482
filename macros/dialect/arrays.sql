{# Arrays, where the warehouses differ. #}

{# A row for each element, to be cross joined: in it `name` is the element. Nulls are elements too. #}
{% macro rows_of_array(elements, name) %}{{ adapter.dispatch('rows_of_array', 'madang')(elements, name) }}{% endmacro %}

{% macro default__rows_of_array(elements, name) -%}
    unnest([
        {{ elements | join(',\n        ') }}
    ]) as {{ name }}
{%- endmacro %}

{% macro duckdb__rows_of_array(elements, name) -%}
    unnest([
        {{ elements | join(',\n        ') }}
    ]) as elements ({{ name }})
{%- endmacro %}
