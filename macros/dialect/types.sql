{# Types whose names differ between the warehouses. `string`, `int64`, `bool`, `date` and `timestamp` are understood by both. #}

{% macro float64() %}{{ return(adapter.dispatch('float64', 'madang')()) }}{% endmacro %}

{% macro default__float64() %}{{ return('float64') }}{% endmacro %}

{% macro duckdb__float64() %}{{ return('double') }}{% endmacro %}


{# A cast that gives null where the value cannot be read. #}
{% macro safe_cast_as(expression, type) %}{{ return(adapter.dispatch('safe_cast_as', 'madang')(expression, type)) }}{% endmacro %}

{% macro default__safe_cast_as(expression, type) %}safe_cast({{ expression }} as {{ type }}){% endmacro %}

{% macro duckdb__safe_cast_as(expression, type) %}try_cast({{ expression }} as {{ type }}){% endmacro %}


{# A float as text: whole numbers without a decimal point, as BigQuery writes them. #}
{% macro float_text(expression) %}{{ return(adapter.dispatch('float_text', 'madang')(expression)) }}{% endmacro %}

{% macro default__float_text(expression) %}cast({{ expression }} as string){% endmacro %}

{% macro duckdb__float_text(expression) %}regexp_replace(cast({{ expression }} as string), '[.]0$', ''){% endmacro %}


{# What stands between two selections whose columns are matched by name; a column that one of them lacks is null there. #}
{% macro union_all_by_name() %}{{ return(adapter.dispatch('union_all_by_name', 'madang')()) }}{% endmacro %}

{% macro default__union_all_by_name() %}{{ return('full union all by name') }}{% endmacro %}

{% macro duckdb__union_all_by_name() %}{{ return('union all by name') }}{% endmacro %}


{#
    The names of a table's columns, read before the first model is built. DuckDB's adapter would begin a transaction for it there, which nobody ends: what
    is created after that would be gone.
#}
{% macro column_names(relation) %}{{ return(adapter.dispatch('column_names', 'madang')(relation)) }}{% endmacro %}

{% macro default__column_names(relation) %}{{ return(adapter.get_columns_in_relation(relation) | map(attribute='name') | list) }}{% endmacro %}

{% macro duckdb__column_names(relation) %}{{ return(run_query('describe ' ~ relation).columns[0].values() | list) }}{% endmacro %}
