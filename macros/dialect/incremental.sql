{#
    Replaces whole days. The rows that the model selects replace all rows that the target has for
    the days that the model builds, also where a day has no row any more. A model asks for it with
    these keys of its config, and says in its body which days they are:

        config(incremental_strategy=overwrite_days_strategy(),
        partition_by=partitioned_by_day('event_date'), partitions=[], ...) do overwrites_days(days)

    BigQuery has the strategy built in; DuckDB gets `get_incremental_overwrite_days_sql`.
#}
{% macro overwrite_days_strategy() %}
    {{ return(adapter.dispatch('overwrite_days_strategy', 'madang')()) }}
{% endmacro %}

{% macro default__overwrite_days_strategy() %}{{ return('insert_overwrite') }}{% endmacro %}

{% macro duckdb__overwrite_days_strategy() %}{{ return('overwrite_days') }}{% endmacro %}


{#
    Says which days the model builds, as a list of texts; none for all. They go into the list that
    the config holds, because dbt fixes a model's config while parsing, before anybody can ask which
    days changed.
#}
{% macro overwrites_days(days) %}
    {% set partitions = config.get('partitions') %}
    {% if execute and partitions is not none %}
        {% do partitions.clear() %}
        {% for day in days or [] %}{% do partitions.append("date '" ~ day ~ "'") %}{% endfor %}
    {% endif %}
{% endmacro %}


{% macro get_incremental_overwrite_days_sql(arg_dict) %}
    {%- set days = config.get('partitions') -%}
    {%- if days %}
    {{ madang.overwrite_days(
        arg_dict['target_relation'],
        config.get('meta')['overwritten_by'],
        days | join(', '),
        'select * from ' ~ arg_dict['temp_relation'],
        arg_dict['dest_columns'] | map(attribute='quoted') | list
    ) }}
    {%- else %}
    select 'no day changed'
    {%- endif %}
{% endmacro %}


{#
    dbt writes the rows of an incremental model into a temporary table before the strategy puts them
    in place. For days that are replaced as a whole a view is enough, and rows are written once. A
    model that reads itself needs the table: its old rows are deleted before a view would be read.
#}
{% macro duckdb__create_table_as(
    temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none
) -%}
    {%- if temporary
        and config.get('incremental_strategy') == 'overwrite_days'
        and this | string not in compiled_code -%}
    create temporary view {{ relation.include(database=false, schema=false) }} as (
    {{ compiled_code }}
    )
    {%- else -%}
    {{ dbt.duckdb__create_table_as(
        temporary, relation, compiled_code, language, partitioned_by, sorted_by
    ) }}
    {%- endif -%}
{%- endmacro %}


{#
    The types of a contract are written once, in BigQuery's words;
    of these DuckDB does not know float64.
#}
{% macro duckdb__get_empty_schema_sql(columns) %}
    {{ return(dbt.default__get_empty_schema_sql(columns) | replace(' float64)', ' double)')) }}
{% endmacro %}


{#
    A table's partitions: a day each on BigQuery, where new days are copied into place;
    a DuckDB table has none.
#}
{% macro partitioned_by_day(column) %}
    {{ return(adapter.dispatch('partitioned_by_day', 'madang')(column)) }}
{% endmacro %}

{% macro default__partitioned_by_day(column) %}
    {{ return({'field': column, 'data_type': 'date', 'copy_partitions': true}) }}
{% endmacro %}

{% macro duckdb__partitioned_by_day(column) %}{{ return(none) }}{% endmacro %}


{# Whether a query has to say which days it reads. Only BigQuery can insist on it. #}
{% macro requires_day_filter() %}
    {{ return(adapter.dispatch('requires_day_filter', 'madang')()) }}
{% endmacro %}

{% macro default__requires_day_filter() %}{{ return(true) }}{% endmacro %}

{% macro duckdb__requires_day_filter() %}{{ return(none) }}{% endmacro %}


{# What rows of a partition lie together by: nothing on DuckDB. #}
{% macro clustered_by(columns) %}
    {{ return(adapter.dispatch('clustered_by', 'madang')(columns)) }}
{% endmacro %}

{% macro default__clustered_by(columns) %}{{ return(columns) }}{% endmacro %}

{% macro duckdb__clustered_by(columns) %}{{ return(none) }}{% endmacro %}


{#
    Post hooks that run after the model's rows are committed. An update in the same transaction
    would make DuckDB write the whole table a second time. BigQuery has no transaction around a
    model, and dbt would skip hooks outside of one.
#}
{% macro when_written(hooks) %}
    {{ return(adapter.dispatch('when_written', 'madang')(hooks)) }}
{% endmacro %}

{% macro default__when_written(hooks) %}{{ return(hooks) }}{% endmacro %}

{% macro duckdb__when_written(hooks) %}
    {% set outside = [] %}
    {% for sql in hooks %}{% do outside.append({'sql': sql, 'transaction': false}) %}{% endfor %}
    {{ return(outside) }}
{% endmacro %}


{#
    The statement that puts what a query selects in the place of a table, at once. BigQuery refuses
    it where the table is partitioned or clustered otherwise: that one is dropped.
#}
{% macro replace_table(existing, relation, query) %}
    {{ return(adapter.dispatch('replace_table', 'madang')(existing, relation, query)) }}
{% endmacro %}

{% macro default__replace_table(existing, relation, query) %}
    {% set partition_by = adapter.parse_partition_by(config.get('partition_by')) %}
    {% if existing is not none
        and not adapter.is_replaceable(existing, partition_by, config.get('cluster_by')) %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
    {{ return(create_table_as(false, relation, query)) }}
{% endmacro %}

{% macro duckdb__replace_table(existing, relation, query) %}
    {% if config.get('contract').enforced %}
        {% do get_assert_columns_equivalent(query) %}
        {% set query = get_select_subquery(query) %}
    {% endif %}
    {{ return('create or replace table ' ~ relation ~ ' as (' ~ query ~ '\n)') }}
{% endmacro %}


{#
    Puts what a query selects of some days in the place of everything that a table holds of them,
    at once. `dates` are literals.
#}
{% macro overwrite_days(target, column, dates, query, columns) %}
    {{ return(adapter.dispatch('overwrite_days', 'madang')(
        target, column, dates, query, columns | join(', ')
    )) }}
{% endmacro %}

{% macro default__overwrite_days(target, column, dates, query, columns) -%}
    merge into {{ target }} as target
    using (
    {{ query }}
    ) as selected
        on false
    when not matched by source and target.{{ column }} in ({{ dates }}) then delete
    when not matched then insert ({{ columns }}) values ({{ columns }})
{%- endmacro %}

{% macro duckdb__overwrite_days(target, column, dates, query, columns) -%}
    delete from {{ target }} where {{ column }} in ({{ dates }});
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from (
    {{ query }}
    ) as selected
{%- endmacro %}
