{#
    Replaces whole days: what the model selects takes the place of everything that the target holds for the days in it. The days are read from the selection
    when it is there, because dbt fixes a model's config while parsing, before anybody can ask which shards changed.
    BigQuery has it built in; DuckDB gets `get_incremental_overwrite_days_sql`. `meta.overwritten_by` names the date column.
#}
{% macro overwrite_days_strategy() %}{{ return(adapter.dispatch('overwrite_days_strategy', 'madang')()) }}{% endmacro %}

{% macro default__overwrite_days_strategy() %}{{ return('insert_overwrite') }}{% endmacro %}

{% macro duckdb__overwrite_days_strategy() %}{{ return('overwrite_days') }}{% endmacro %}


{% macro get_incremental_overwrite_days_sql(arg_dict) %}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set selected = arg_dict['temp_relation'] -%}
    {%- set day = config.get('meta')['overwritten_by'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ target }} where {{ day }} in (select distinct {{ day }} from {{ selected }});
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ selected }};
{% endmacro %}


{# A table's partitions: a day each on BigQuery; a DuckDB table has none. #}
{% macro partitioned_by_day(column) %}{{ return(adapter.dispatch('partitioned_by_day', 'madang')(column)) }}{% endmacro %}

{% macro default__partitioned_by_day(column) %}{{ return({'field': column, 'data_type': 'date'}) }}{% endmacro %}

{% macro duckdb__partitioned_by_day(column) %}{{ return(none) }}{% endmacro %}
