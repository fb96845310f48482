{#
    The inventory of the export: one row per property and shard, with what shows that a shard
    changed. No event is read: DuckDB looks at file sizes and footers, BigQuery at the datasets'
    lists of tables. Without an export it has no row, and every model of GA4 is built empty.

    `of` is events, or users for the tables about people. kind: ga4, ga360, pseudonymous or user.
    suffix: such as 20261031 or intraday_20261101. location: a table, or files with a line each.
    row_count: null for NDJSON. contents: differs where the shard does. problem: null where the
    shard can be read.
#}
{% macro ga4_shard_inventory(of='events') -%}
    {{ adapter.dispatch('ga4_shard_inventory', 'madang')(of) }}
{%- endmacro %}

{% macro default__ga4_shard_inventory(of) -%}
    {% do source('ga4', 'shards') -%}
    {% for property in ga4_property_list() if property.is_named -%}
    {% for kind in ga4_shard_kinds(property, of) -%}
    {% set prefix = ga4_shard_prefix(kind) -%}
    select
        '{{ property.id }}' as property_id,
        '{{ kind }}' as kind,
        substr(table_id, {{ prefix | length + 1 }}) as suffix,
        table_id as location,
        1 as files,
        size_bytes as bytes,
        row_count,
        timestamp_millis(last_modified_time) as modified_at,
        concat(cast(size_bytes as string), ' ', cast(last_modified_time as string)) as contents,
        cast(null as string) as problem
    from {{ ga4_source(property, '__TABLES__') }}
    where {{ regex_matches('table_id', '^' ~ prefix ~ '(intraday_|fresh_)?[0-9]{8}$') }}
    union all
    {% endfor -%}
    {% endfor -%}
    {{ ga4_no_shards() }}
{%- endmacro %}

{% macro duckdb__ga4_shard_inventory(of) -%}
    {%- set files = ga4_files(of) -%}
    with listed as (

        {% for place in files.places -%}
        select
            '{{ place.id }}' as property_id,
            '{{ place.kind }}' as kind,
            filename,
            size,
            cast(last_modified at time zone 'UTC' as timestamp) as modified_at
        from read_blob({{ text_literal(place.pattern) }})
        union all
        {% endfor -%}
        select
            cast(null as varchar) as property_id,
            cast(null as varchar) as kind,
            cast(null as varchar) as filename,
            cast(null as bigint) as size,
            cast(null as timestamp) as modified_at
        where false

    ),

    named as (

        select
            *,
            parse_filename(filename) as name,
            regexp_extract(parse_filename(filename), '{{ ga4_file_pattern() }}', 1) as suffix,
            filename like '%.parquet' as is_parquet
        from listed
        where regexp_matches(parse_filename(filename), '{{ ga4_file_pattern() }}')

    ),

    footers as (

        {{ ga4_footers(files.whole) }}

    ),

    looked_at as (

        select
            named.*,
            footers.num_rows,
            case
                when named.is_parquet and named.size = 0 then 'the file is empty'
                when files.problem is not null then files.problem
                when footers.missing <> ''
                    then concat(
                        'not a ', if(kind = 'ga360', 'GA360', 'GA4'),
                        ' export: no column ', footers.missing
                    )
                else footers.wrong
            end as problem
        from named
        left join footers on named.filename = footers.file_name
        left join ({{ ga4_problem_rows(files.problems) }}) as files
            on named.filename = files.filename

    ),

    -- the parts of a shard belong together: one that is broken breaks it
    shards as (

        select
            property_id,
            kind,
            suffix,
            is_parquet,
            string_agg(filename, chr(10) order by filename) as location,
            count(*) as files,
            cast(sum(size) as bigint) as bytes,
            case when count(num_rows) = count(*) then cast(sum(num_rows) as bigint) end
                as row_count,
            max(modified_at) as modified_at,
            left(md5(string_agg(
                concat(name, ' ', size, ' ', modified_at), chr(10) order by filename
            )), 16) as contents,
            case
                when sum(size) = 0 then 'the file is empty'
                when count(*) = 1 then max(problem)
                else min(concat(name, ': ', problem)) filter (where problem is not null)
            end as problem
        from looked_at
        group by all

    )

    -- a shard that lies there as Parquet and as NDJSON is read once
    select * exclude (is_parquet)
    from shards
    qualify row_number() over (
        partition by property_id, kind, suffix
        order by case when problem is null then 0 else 1 end, is_parquet desc
    ) = 1
{%- endmacro %}


{# An inventory of nothing, so that a property without tables of a kind still is a selection. #}
{% macro ga4_no_shards() -%}
    select
        cast(null as string) as property_id,
        cast(null as string) as kind,
        cast(null as string) as suffix,
        cast(null as string) as location,
        cast(null as int64) as files,
        cast(null as int64) as bytes,
        cast(null as int64) as row_count,
        cast(null as timestamp) as modified_at,
        cast(null as string) as contents,
        cast(null as string) as problem
    from (select 1 as one) as nowhere
    where one = 0
{%- endmacro %}


{#
    A table of a property's dataset on BigQuery. dbt knows one property's as a source;
    of several, all are named in full.
#}
{% macro ga4_source(property, identifier) %}
    {{ return(api.Relation.create(
        database=property.project, schema=property.dataset, identifier=identifier
    )) }}
{% endmacro %}
