{#
    The events of the given shards ({property_id, suffix, location, …}) in the shape of the 2026
    export, with `property_id` and `shard_suffix`. A column that a shard does not have is null; one
    of another type is cast. All columns are named here, but only those that are used are read.
#}
{% macro ga4_events_of(shards) -%}
    {%- set branches = [] -%}
    {%- for kind in ['ga4', 'ga360'] -%}
        {%- set properties = ga4_property_list() | selectattr('format', 'equalto', kind) | list -%}
        {%- for branch in ga4_branches(
            shards, kind, properties, ga4_property_list() | length > 1
        ) -%}
            {%- do branches.append(ga360_as_events(branch) if kind == 'ga360' else branch) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ without_erased(ga4_united(branches, ga4_export_columns()), 'user_id', 'user_pseudo_id') }}
{%- endmacro %}


{# The selections one after the other; where there is none, the columns without a row. #}
{% macro ga4_united(branches, columns) -%}
    {%- if branches -%}
    {{ branches | join('\n    union all\n    ') }}
    {%- else -%}
    select
        {%- for name, shape in columns.items() %}
        cast(null as {{ ga4_type(shape) }}) as {{ name }},
        {%- endfor %}
        cast(null as string) as property_id,
        cast(null as string) as shard_suffix
    from (select 1 as one) as nowhere
    where one = 0
    {%- endif -%}
{%- endmacro %}


{#
    The selections that read the shards of the given properties, as a list: one per property on
    BigQuery, one per file format on DuckDB. `is_united`: others are put beside them, so every
    column must have exactly the same type.
#}
{% macro ga4_branches(shards, kind, properties, is_united) %}
    {% set ids = properties | map(attribute='id') | list %}
    {% set chosen = shards | selectattr('property_id', 'in', ids) | list %}
    {{ return(
        adapter.dispatch('ga4_branches', 'madang')(chosen, kind, properties, is_united)
        if chosen else []
    ) }}
{% endmacro %}

{% macro default__ga4_branches(shards, kind, properties, is_united) %}
    {% do source('ga4', 'events') %}
    {% set branches = [] %}
    {% for property in properties %}
        {% set suffixes = shards | selectattr('property_id', 'equalto', property.id)
            | map(attribute='suffix') | list %}
        {% if suffixes %}
            {% set branch %}
    select
        {{ ga4_columns_of_tables(property, kind, is_united) | join(',\n        ') }},
        '{{ property.id }}' as property_id,
        _table_suffix as shard_suffix
    from {{ ga4_source(property, ga4_shard_prefix(kind) ~ '*') }}
    where _table_suffix in ('{{ suffixes | join("', '") }}')
            {% endset %}
            {% do branches.append(branch) %}
        {% endif %}
    {% endfor %}
    {{ return(branches) }}
{% endmacro %}

{% macro duckdb__ga4_branches(shards, kind, properties, is_united) %}
    {% set branches = [] %}
    {% set files = [] %}
    {% for shard in shards %}{% do files.extend(shard.location.split('\n')) %}{% endfor %}
    {% set columns = ga4_raw_columns(kind) %}
    {% for format in ['parquet', 'json'] %}
        {% set of_format = [] %}
        {% for file in files if file.endswith('.parquet') == (format == 'parquet') %}
            {% do of_format.append(file) %}
        {% endfor %}
        {% if of_format %}
            {% set reader = ga4_parquet(of_format)
                if format == 'parquet' else ga4_ndjson(of_format, columns) %}
            {% set branch %}
    select
        {{ (
            ga4_columns_of_files(reader, columns) if format == 'parquet' else columns.keys()
        ) | join(',\n        ') }},
        {{ ga4_property_of_file(properties) }} as property_id,
        regexp_extract(parse_filename(filename), '{{ ga4_file_pattern() }}', 1) as shard_suffix
    from {{ reader }}
            {% endset %}
            {% do branches.append(branch) %}
        {% endif %}
    {% endfor %}
    {{ return(branches) }}
{% endmacro %}


{% macro ga4_raw_columns(kind) %}
    {{ return(
        ga4_export_columns()
        if kind == 'ga4' else ga360_export_columns()
        if kind == 'ga360' else ga4_users_columns()
    ) }}
{% endmacro %}


{#
    Part of a shard's fingerprint: when other parameters or fields are asked for, or other things
    are masked, every day counts as changed and is read again. The number is for what else of the
    reading changes.
#}
{% macro ga4_reading_version() %}
    {% set masked = [
        ga4_email_pattern(), ga4_phone_pattern(), ga4_national_id_pattern(), ga4_personal_texts()
    ] %}
    {{ return(local_md5(
        tojson([2, ga4_params(), var('ga4_user_properties'), ga4_further_fields(), masked])
    )[:8]) }}
{% endmacro %}
