{#
    The events of the given shards ({property_id, suffix, location, …}) in the shape of the 2026 export, whatever the shards' age and format: what a shard
    does not have is null, what it has as another type is cast. Adds `property_id` and `shard_suffix`.
    All columns are named here; only those are read that are used further on.
#}
{% macro ga4_events_of(shards) -%}
    {%- set branches = ga4_branches(shards) if shards else [] -%}
    {%- if branches -%}
    {{ branches | join('\n    union all\n    ') }}
    {%- else -%}
    select
        {%- for name, shape in ga4_export_columns().items() %}
        cast(null as {{ ga4_type(shape) }}) as {{ name }},
        {%- endfor %}
        cast(null as string) as property_id,
        cast(null as string) as shard_suffix
    from (select 1 as one) as nowhere
    where one = 0
    {%- endif -%}
{%- endmacro %}


{# The selections that read the shards, as a list: one a property on BigQuery, one a file format on DuckDB. #}
{% macro ga4_branches(shards) %}{{ return(adapter.dispatch('ga4_branches', 'madang')(shards)) }}{% endmacro %}

{% macro default__ga4_branches(shards) %}
    {% do source('ga4', 'events') %}
    {% set branches = [] %}
    {% set properties = ga4_property_list() %}
    {% for property in properties %}
        {% set suffixes = shards | selectattr('property_id', 'equalto', property.id) | map(attribute='suffix') | list %}
        {% if suffixes %}
            {% set branch %}
    select
        {{ ga4_columns_of_tables(property, ga4_raw_columns(property.format)) | join(',\n        ') }},
        '{{ property.id }}' as property_id,
        _table_suffix as shard_suffix
    from {{ ga4_source(property, ga4_shard_prefix(property) ~ '*') }}
    where _table_suffix in ('{{ suffixes | join("', '") }}')
            {% endset %}
            {% do branches.append(ga360_as_events(branch) if property.format == 'ga360' else branch) %}
        {% endif %}
    {% endfor %}
    {{ return(branches) }}
{% endmacro %}

{% macro duckdb__ga4_branches(shards) %}
    {% set branches = [] %}
    {% set properties = ga4_property_list() %}
    {% for format in ['ga4', 'ga360'] %}
        {% set ids = properties | selectattr('format', 'equalto', format) | map(attribute='id') | list %}
        {% set files = [] %}
        {% for shard in shards if shard.property_id in ids %}{% do files.extend(shard.location.split('\n')) %}{% endfor %}
        {% for kind in ['parquet', 'json'] %}
            {% set of_kind = [] %}
            {% for file in files if file.endswith('.parquet') == (kind == 'parquet') %}{% do of_kind.append(file) %}{% endfor %}
            {% if of_kind %}
                {% set columns = ga4_raw_columns(format) %}
                {% set reader = ga4_parquet(of_kind) if kind == 'parquet' else ga4_ndjson(of_kind, columns) %}
                {% set branch %}
    select
        {{ (ga4_columns_of_files(reader, columns) if kind == 'parquet' else columns.keys()) | join(',\n        ') }},
        {{ ga4_property_of_file(properties | selectattr('format', 'equalto', format) | list) }} as property_id,
        regexp_extract(parse_filename(filename), '{{ ga4_file_pattern() }}', 1) as shard_suffix
    from {{ reader }}
                {% endset %}
                {% do branches.append(ga360_as_events(branch) if format == 'ga360' else branch) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(branches) }}
{% endmacro %}


{% macro ga4_raw_columns(format) %}
    {{ return(ga360_export_columns() if format == 'ga360' else ga4_export_columns()) }}
{% endmacro %}


{% macro ga4_parquet(files) -%}
    read_parquet(
        [{% for file in files %}{{ text_literal(file) }}{{ ', ' if not loop.last }}{% endfor %}],
        union_by_name = true, filename = true
    )
{%- endmacro %}

{# Types are given: what a sample of the lines suggests is wrong where a field is empty in it. #}
{% macro ga4_ndjson(files, columns) -%}
    read_json(
        [{% for file in files %}{{ text_literal(file) }}{{ ', ' if not loop.last }}{% endfor %}],
        format = 'newline_delimited', filename = true, columns = {
            {%- for name, shape in columns.items() %}
            '{{ name }}': '{{ ga4_type(shape) }}'{{ ',' if not loop.last }}
            {%- endfor %}
        }
    )
{%- endmacro %}


{#
    Parquet columns as expressions of the wanted types. A column that has its type already is named and nothing more, for DuckDB reads single fields of a
    structure only through a plain name.
#}
{% macro ga4_columns_of_files(reader, columns) %}
    {% set query %}
        select 'there' as place, column_name, column_type from (describe select * from {{ reader }})
        union all
        select 'wanted' as place, column_name, column_type
        from (
            describe
            select {% for name, shape in columns.items() %}cast(null as {{ ga4_type(shape) }}) as {{ name }}{{ ', ' if not loop.last }}{% endfor %}
        )
    {% endset %}
    {% set there, wanted, expressions = {}, {}, [] %}
    {% for row in run_query(query).rows %}{% do (there if row[0] == 'there' else wanted).update({row[1]: row[2]}) %}{% endfor %}
    {% for name, shape in columns.items() %}
        {% if there.get(name) == wanted[name] %}
            {% do expressions.append(name) %}
        {% else %}
            {% do expressions.append('cast(' ~ (name if name in there else 'null') ~ ' as ' ~ ga4_type(shape) ~ ') as ' ~ name) %}
        {% endif %}
    {% endfor %}
    {{ return(expressions) }}
{% endmacro %}


{# The property that a file belongs to, by its folder; deeper folders first, so that one property's may lie in another's. #}
{% macro ga4_property_of_file(properties) -%}
    {%- if properties | length == 1 -%}
    '{{ properties[0].id }}'
    {%- else -%}
    case
        {%- for property in properties | sort(attribute='path', reverse=true) %}
        when starts_with(filename, {{ text_literal(property.path ~ '/') }}) then '{{ property.id }}'
        {%- endfor %}
    end
    {%- endif -%}
{%- endmacro %}


{# Part of a shard's fingerprint: when other parameters are asked for, every day counts as changed and is read again. #}
{% macro ga4_reading_version() %}{{ return(local_md5(tojson(ga4_params()))[:8]) }}{% endmacro %}
