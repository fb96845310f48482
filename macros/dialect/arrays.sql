{# Arrays, where the warehouses differ. #}

{#
    Whether a value is in a column of a short list, such as a seed; null where the value is null. It
    uses an array, because DuckDB would run a join wherever the expression stands, even where it is
    not needed.
#}
{% macro is_listed(expression, relation, column) %}
    {{ return(adapter.dispatch('is_listed', 'madang')(expression, relation, column)) }}
{% endmacro %}

{% macro default__is_listed(expression, relation, column) -%}
    {{ return(expression ~ ' in unnest(array(select ' ~ column ~ ' from ' ~ relation ~ '))') }}
{%- endmacro %}

{% macro duckdb__is_listed(expression, relation, column) -%}
    {{ return(
        'list_contains((select list(' ~ column ~ ') from ' ~ relation ~ '), ' ~ expression ~ ')'
    ) }}
{%- endmacro %}


{#
    A row for each element, to be cross joined: in it `name` is the element. Nulls are elements too.
#}
{% macro rows_of_array(elements, name) -%}
    {{ adapter.dispatch('rows_of_array', 'madang')(elements, name) }}
{%- endmacro %}

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


{#
    A row for each word of a text that has single blanks between its words, to be cross joined:
    in it `name` is the word.
#}
{% macro rows_of_words(expression, name) -%}
    {{ adapter.dispatch('rows_of_words', 'madang')(expression, name) }}
{%- endmacro %}

{% macro default__rows_of_words(expression, name) -%}
    unnest(split({{ expression }}, ' ')) as {{ name }}
{%- endmacro %}

{% macro duckdb__rows_of_words(expression, name) -%}
    unnest(string_split({{ expression }}, ' ')) as words ({{ name }})
{%- endmacro %}


{#
    Rows that are written down in YAML, as a query that stands alone. `columns` gives each column
    its type; a row is a list of literals. There may be no row.
#}
{% macro rows_of(columns, rows) -%}
    {{ adapter.dispatch('rows_of', 'madang')(columns, rows) }}
{%- endmacro %}

{% macro default__rows_of(columns, rows) -%}
    {%- set fields, lines = [], [] -%}
    {%- for name, type in columns.items() %}{% do fields.append(name ~ ' ' ~ type) %}{% endfor -%}
    {%- for row in rows %}{% do lines.append('struct(' ~ row | join(', ') ~ ')') %}{% endfor -%}
    select * from unnest(array<struct<{{ fields | join(', ') }}>>[
        {{ lines | join(',\n        ') }}
    ])
{%- endmacro %}

{% macro duckdb__rows_of(columns, rows) -%}
    {%- set fields, lines = [], [] -%}
    {%- for name, type in columns.items() -%}
        {%- do fields.append(
            'cast(' ~ (name if rows else 'null') ~ ' as ' ~ type ~ ') as ' ~ name
        ) -%}
    {%- endfor -%}
    {%- for row in rows %}{% do lines.append('(' ~ row | join(', ') ~ ')') %}{% endfor -%}
    {%- if rows -%}
    select {{ fields | join(', ') }}
    from (values
        {{ lines | join(',\n        ') }}
    ) as written ({{ columns.keys() | join(', ') }})
    {%- else -%}
    select {{ fields | join(', ') }} limit 0
    {%- endif -%}
{%- endmacro %}
