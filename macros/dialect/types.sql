{#
    Types whose names differ between the warehouses.
    `string`, `int64`, `bool`, `date` and `timestamp` are understood by both.
#}

{% macro float64() %}{{ return(adapter.dispatch('float64', 'madang')()) }}{% endmacro %}

{% macro default__float64() %}{{ return('float64') }}{% endmacro %}

{% macro duckdb__float64() %}{{ return('double') }}{% endmacro %}


{# A whole number of up to 38 digits. #}
{% macro wide_int() %}{{ return(adapter.dispatch('wide_int', 'madang')()) }}{% endmacro %}

{% macro default__wide_int() %}{{ return('bignumeric') }}{% endmacro %}

{% macro duckdb__wide_int() %}{{ return('hugeint') }}{% endmacro %}


{# A cast that gives null where the value cannot be read. #}
{% macro safe_cast_as(expression, type) %}
    {{ return(adapter.dispatch('safe_cast_as', 'madang')(expression, type)) }}
{% endmacro %}

{% macro default__safe_cast_as(expression, type) -%}
    safe_cast({{ expression }} as {{ type }})
{%- endmacro %}

{% macro duckdb__safe_cast_as(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}


{#
    A number that can be added and compared: null where it is NaN, infinite, or so large that a sum
    loses digits. The warehouses differ on NaN: in DuckDB it is larger than any number, in BigQuery
    no comparison with it holds.
#}
{% macro number_within(expression, limit='1e15') -%}
    case when {{ expression }} between -{{ limit }} and {{ limit }} then {{ expression }} end
{%- endmacro %}


{#
    A text as such a number; null where it is none. The warehouses read different texts as numbers
    (NaN, Infinity, 0x1F, 1_000). So a pattern decides: up to 15 digits before the point, or one
    digit and an exponent.
#}
{% macro number_from_text(expression) -%}
    {%- set digits = '0*[0-9]{1,15}(?:[.][0-9]*)?|[.][0-9]+' -%}
    {%- set with_exponent = '[0-9](?:[.][0-9]*)?[eE](?:-[0-9]{1,2}|[+]?(?:0?[0-9]|1[0-4]))' -%}
    {{ madang.safe_cast_as(
        madang.regex_extract(
            expression, '^\\s*([+-]?(?:' ~ digits ~ '|' ~ with_exponent ~ '))\\s*$'
        ),
        madang.float64()
    ) }}
{%- endmacro %}


{# A float as text: whole numbers without a decimal point, as BigQuery writes them. #}
{% macro float_text(expression) %}
    {{ return(adapter.dispatch('float_text', 'madang')(expression)) }}
{% endmacro %}

{% macro default__float_text(expression) %}cast({{ expression }} as string){% endmacro %}

{% macro duckdb__float_text(expression) -%}
    regexp_replace(cast({{ expression }} as string), '[.]0$', '')
{%- endmacro %}


{#
    What stands between two selections whose columns are matched by name;
    a column that one of them lacks is null there.
#}
{% macro union_all_by_name() %}
    {{ return(adapter.dispatch('union_all_by_name', 'madang')()) }}
{% endmacro %}

{% macro default__union_all_by_name() %}{{ return('full union all by name') }}{% endmacro %}

{% macro duckdb__union_all_by_name() %}{{ return('union all by name') }}{% endmacro %}


{#
    A table's columns with their types, as the warehouse writes them. DuckDB's adapter would begin a
    transaction for this and never end it. What is created after that would be lost.
#}
{% macro column_types(relation) %}
    {{ return(adapter.dispatch('column_types', 'madang')(relation)) }}
{% endmacro %}

{% macro default__column_types(relation) %}
    {% set types = {} %}
    {% for column in adapter.get_columns_in_relation(relation) %}
        {% do types.update({column.name: column.data_type}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}

{% macro duckdb__column_types(relation) %}
    {% set types = {} %}
    {% for row in run_query('describe ' ~ relation).rows %}
        {% do types.update({row[0]: row[1]}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}


{#
    `string`, `int64`, `float64` or `wide_int` as the warehouse writes it
    where it tells a column's type.
#}
{% macro type_as_told(type) %}
    {{ return(adapter.dispatch('type_as_told', 'madang')(type)) }}
{% endmacro %}

{% macro default__type_as_told(type) %}
    {{ return((wide_int() if type == 'wide_int' else type) | upper) }}
{% endmacro %}

{% macro duckdb__type_as_told(type) %}
    {{ return(
        {'string': 'VARCHAR', 'int64': 'BIGINT', 'float64': 'DOUBLE', 'wide_int': 'HUGEINT'}[type]
    ) }}
{% endmacro %}


{# The query for the columns of all tables of a schema: table_name, column_name. #}
{% macro columns_of_schema(database, schema) %}
    {{ return(adapter.dispatch('columns_of_schema', 'madang')(database, schema)) }}
{% endmacro %}

{% macro default__columns_of_schema(database, schema) -%}
    select table_name, column_name from `{{ database }}`.`{{ schema }}`.INFORMATION_SCHEMA.COLUMNS
{%- endmacro %}

{% macro duckdb__columns_of_schema(database, schema) -%}
    select table_name, column_name
    from duckdb_columns()
    where database_name = '{{ database }}' and schema_name = '{{ schema }}'
{%- endmacro %}
