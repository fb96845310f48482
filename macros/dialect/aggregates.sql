{# Aggregates that the warehouses spell differently. Both skip rows whose `value` is null. #}

{# The value of the row with the smallest `order_by`. #}
{% macro first_by(value, order_by) -%}
    {{ adapter.dispatch('first_by', 'madang')(value, order_by) }}
{%- endmacro %}

{% macro default__first_by(value, order_by) -%}
    array_agg({{ value }} ignore nulls order by {{ order_by }} limit 1)[safe_offset(0)]
{%- endmacro %}

{% macro duckdb__first_by(value, order_by) %}arg_min({{ value }}, {{ order_by }}){% endmacro %}


{# The value of the row with the largest `order_by`. #}
{% macro last_by(value, order_by) -%}
    {{ adapter.dispatch('last_by', 'madang')(value, order_by) }}
{%- endmacro %}

{% macro default__last_by(value, order_by) -%}
    array_agg({{ value }} ignore nulls order by {{ order_by }} desc limit 1)[safe_offset(0)]
{%- endmacro %}

{% macro duckdb__last_by(value, order_by) %}arg_max({{ value }}, {{ order_by }}){% endmacro %}


{# An exact, interpolated quantile as a window function over `partition_by`. #}
{% macro quantile_over(expression, fraction, partition_by) %}
    {{- adapter.dispatch('quantile_over', 'madang')(expression, fraction, partition_by) -}}
{% endmacro %}

{% macro default__quantile_over(expression, fraction, partition_by) -%}
    percentile_cont({{ expression }}, {{ fraction }}) over (partition by {{ partition_by }})
{%- endmacro %}

{% macro duckdb__quantile_over(expression, fraction, partition_by) -%}
    quantile_cont({{ expression }}, {{ fraction }}) over (partition by {{ partition_by }})
{%- endmacro %}


{% macro any_true(expression) -%}
    {{ adapter.dispatch('any_true', 'madang')(expression) }}
{%- endmacro %}

{% macro default__any_true(expression) %}logical_or({{ expression }}){% endmacro %}

{% macro duckdb__any_true(expression) %}bool_or({{ expression }}){% endmacro %}
