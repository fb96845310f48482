{#
    Replaces whole days: what the model selects takes the place of everything that the target holds
    for the days in `config(partitions=…)`; `meta.overwritten_by` names the date column.
    BigQuery has it built in; DuckDB gets `get_incremental_overwrite_days_sql`.
#}
{% macro overwrite_days_strategy() %}{{ return(adapter.dispatch('overwrite_days_strategy', 'madang')()) }}{% endmacro %}

{% macro default__overwrite_days_strategy() %}{{ return('insert_overwrite') }}{% endmacro %}

{% macro duckdb__overwrite_days_strategy() %}{{ return('overwrite_days') }}{% endmacro %}


{% macro get_incremental_overwrite_days_sql(arg_dict) %}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set days = config.get('partitions') -%}
    {% if days %}
        delete from {{ target }} where {{ config.get('meta')['overwritten_by'] }} in ({{ days | join(', ') }});
    {% endif %}
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }};
{% endmacro %}


{# A table's partitions: a day each on BigQuery; a DuckDB table has none. #}
{% macro partitioned_by_day(column) %}{{ return(adapter.dispatch('partitioned_by_day', 'madang')(column)) }}{% endmacro %}

{% macro default__partitioned_by_day(column) %}{{ return({'field': column, 'data_type': 'date'}) }}{% endmacro %}

{% macro duckdb__partitioned_by_day(column) %}{{ return(none) }}{% endmacro %}
