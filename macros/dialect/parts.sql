{#
    A table that DuckDB writes part by part with the same statement, so that it needs the memory of
    the largest part only. The model's config names the macro that lists the parts: `meta: {parts:
    funnel_numbers}`. Its SQL keeps the rows for which `in_part` holds. Without a part it holds for
    all rows.

    BigQuery builds all parts in one statement, because it bills what each statement reads.
#}
{% macro parts_of_table() %}
    {{ return(adapter.dispatch('parts_of_table', 'madang')()) }}
{% endmacro %}

{% macro default__parts_of_table() %}{{ return([none]) }}{% endmacro %}

{% macro duckdb__parts_of_table() %}
    {% set lists_parts = (config.get('meta') or {}).get('parts') %}
    {{ return((context[lists_parts]() if lists_parts else []) or [none]) }}
{% endmacro %}


{% macro in_part(column) %}{{ adapter.dispatch('in_part', 'madang')(column) }}{% endmacro %}

{% macro default__in_part(column) %}true{% endmacro %}

{% macro duckdb__in_part(column) -%}
    {{ column }} = coalesce(getvariable('part'), {{ column }})
{%- endmacro %}


{# Writes the table that the query gives in the place of the one that is there. #}
{% macro write_table(existing, relation, query) %}
    {% for part in madang.parts_of_table() %}
        {% call statement('main' if loop.first else 'part') %}
            {% if part is not none %}set variable part = {{ part }};{% endif %}
            {% if loop.first %}{{ madang.replace_table(existing, relation, query) }}
            {% else %}insert into {{ relation }} {{ query }}
            {% endif %}
            {% if part is not none %}; reset variable part{% endif %}
        {% endcall %}
    {% endfor %}
{% endmacro %}
