{#
    The inventory of the export: one row a shard with what is needed to see that it changed. Reading it touches no event: file sizes and footers on
    DuckDB, the dataset's table list on BigQuery.
    Columns: suffix (20261031, intraday_20261101), location, bytes, modified_at, problem (null where the shard can be read).
#}
{% macro ga4_shard_inventory() %}{{ adapter.dispatch('ga4_shard_inventory', 'madang')() }}{% endmacro %}

{% macro default__ga4_shard_inventory() -%}
    select
        '000000000' as property_id,
        substr(table_id, 8) as suffix,
        table_id as location,
        size_bytes as bytes,
        row_count,
        timestamp_millis(last_modified_time) as modified_at,
        cast(null as string) as problem
    from {{ source('ga4', 'shards') }}
    where starts_with(table_id, 'events_')
{%- endmacro %}

{% macro duckdb__ga4_shard_inventory() -%}
    {%- set files = ga4_path() ~ '/events_*.parquet' -%}
    {%- set needed = ['event_date', 'event_timestamp', 'event_name', 'event_params', 'user_pseudo_id'] -%}
    {%- set found = execute and run_query("select 1 from glob('" ~ files ~ "') limit 1").rows | length > 0 -%}
    {%- if not found and flags.WHICH in ['build', 'run'] and execute -%}
        {%- do exceptions.raise_compiler_error(
            "No GA4 export found: there is no file " ~ files ~ ". Set paths.ga4 in madang.yml (or MADANG_GA4_PATH) "
            ~ "to the folder that holds the daily files events_YYYYMMDD.parquet."
        ) -%}
    {%- endif -%}
    {%- if not found -%}
    select
        cast(null as varchar) as property_id,
        cast(null as varchar) as suffix,
        cast(null as varchar) as location,
        cast(null as bigint) as bytes,
        cast(null as bigint) as row_count,
        cast(null as timestamp) as modified_at,
        cast(null as varchar) as problem
    where false
    {%- else -%}
    select
        '000000000' as property_id,
        regexp_extract(blob.filename, 'events_((intraday_|fresh_)?[0-9]{8})[.]parquet$', 1) as suffix,
        blob.filename as location,
        blob.size as bytes,
        cast(null as bigint) as row_count,
        cast(blob.last_modified at time zone 'UTC' as timestamp) as modified_at,
        case
            when columns.missing <> '' then concat('not a GA4 export: no column ', columns.missing)
            when not columns.has_params then 'not a GA4 export: event_params is not a list of structures'
            when not columns.has_moment then 'not a GA4 export: event_timestamp is not a whole number'
        end as problem
    from read_blob('{{ files }}') as blob
    left join (
        select
            file_name,
            array_to_string(
                list_filter({{ needed }}, lambda name: not list_contains(list(parquet.name), name)),
                ', '
            ) as missing,
            bool_or(parquet.name = 'event_params' and parquet.num_children > 0) as has_params,
            bool_or(parquet.name = 'event_timestamp' and parquet.type = 'INT64') as has_moment
        from parquet_schema('{{ files }}') as parquet
        group by file_name
    ) as columns on blob.filename = columns.file_name
    {%- endif -%}
{%- endmacro %}


{% macro ga4_path() %}{{ return(env_var('MADANG_GA4_PATH', 'data/ga4')) }}{% endmacro %}


{#
    The events of the given shards, with the columns of the 2026 export whatever the shards' age: a column that a shard does not have is null. Adds
    `shard_suffix`.
#}
{% macro ga4_events_of(shards) %}{{ adapter.dispatch('ga4_events_of', 'madang')(shards) }}{% endmacro %}

{% macro default__ga4_events_of(shards) -%}
    select
        {{ ga4_export_columns().keys() | join(',\n        ') }},
        '000000000' as property_id,
        _table_suffix as shard_suffix
    from {{ source('ga4', 'events') }}
    where _table_suffix in (
        {%- for shard in shards %}'{{ shard.suffix }}'{{ ', ' if not loop.last }}{% else %}''{% endfor -%}
    )
{%- endmacro %}

{% macro duckdb__ga4_events_of(shards) -%}
    select
        {{ ga4_export_columns().keys() | join(',\n        ') }},
        '000000000' as property_id,
        regexp_extract(filename, 'events_((intraday_|fresh_)?[0-9]{8})[.]parquet$', 1) as shard_suffix
    from (
        select * from (
            select
                {%- for name, type in ga4_export_columns().items() %}
                cast(null as {{ type }}) as {{ name }},
                {%- endfor %}
                cast(null as varchar) as filename
        )
        where false
        {% if shards %}
        union all by name
        select * from read_parquet(
            [{% for shard in shards %}'{{ shard.location }}'{{ ', ' if not loop.last }}{% endfor %}],
            union_by_name = true, filename = true
        )
        {% endif %}
    )
{%- endmacro %}


{# Part of a shard's fingerprint: when other parameters are asked for, every day counts as changed and is read again. #}
{% macro ga4_reading_version() %}{{ return(local_md5(tojson(ga4_params()))[:8]) }}{% endmacro %}
