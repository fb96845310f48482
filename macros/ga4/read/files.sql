{#
    What the names of files look like: events_20261031.parquet, events_intraday_20261101.json.gz,
    and several of one shard, told apart by what follows the date:
    events_20261031-000000000000.parquet, as BigQuery's extract writes them.
#}
{% macro ga4_file_pattern() -%}
    {{ return(
        '^(?:events|ga_sessions|pseudonymous_users|users)_((?:intraday_|fresh_)?[0-9]{8})'
        ~ '(?:[-_.].*)?[.](?:parquet|(?:json|ndjson|jsonl)(?:[.]gz)?)$'
    ) }}
{%- endmacro %}


{#
    The files of all properties. `places` have files ({id, kind, pattern}), `whole` are good Parquet
    files, `problems` are those that cannot be read, by file. One bad file fails a statement over
    several. They are then opened one by one. MADANG_GA4_DAMAGED names files that turned out broken
    while being read.
#}
{% macro ga4_files(of) %}
    {% set found = {'places': [], 'whole': [], 'problems': {}} %}
    {% if not execute %}{{ return(found) }}{% endif %}
    {% do found.problems.update(fromjson(env_var('MADANG_GA4_DAMAGED', '{}'))) %}
    {% for property in ga4_property_list() %}{% for kind in ga4_shard_kinds(property, of) %}
        {% set pattern = path_as_pattern(property.path ~ '/' ~ ga4_shard_prefix(kind)) ~ '*' %}
        {% set files = run_query(
            'select file from glob(' ~ text_literal(pattern) ~ ') order by 1'
        ).columns[0].values() %}
        {% if files %}
            {% do found.places.append({'id': property.id, 'kind': kind, 'pattern': pattern}) %}
        {% endif %}
        {% set parquet = [] %}
        {% for file in files
            if modules.re.search('[.]parquet$', file) and file not in found.problems %}
            {% do parquet.append(file) %}
        {% endfor %}
        {% for some in parquet | batch(20) %}
            {% set are_whole = ga4_can_be_opened(some) %}
            {% for file in some %}
                {% if are_whole or ga4_can_be_opened([file]) %}
                    {% do found.whole.append(file) %}
                {% else %}
                    {% do found.problems.update(
                        {file: 'the file is cut off, or no Parquet file'}
                    ) %}
                {% endif %}
            {% endfor %}
        {% endfor %}
    {% endfor %}{% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    A path in which signs of a pattern stand for themselves: folders may have brackets,
    stars and question marks in their names. A file that is there is read by its plain path.
#}
{% macro path_as_pattern(path) %}
    {{ return(modules.re.sub('([*?[])', '[\\1]', path)) }}
{% endmacro %}


{#
    Whether all of these files can be opened:
    the adapter looks whether there is such a table, and takes a list of them.
#}
{% macro ga4_can_be_opened(files) %}
    {% set names = [] %}
    {% for file in files %}{% do names.append(file | replace("'", "''")) %}{% endfor %}
    {{ return(adapter.location_exists(names | join("', '"))) }}
{% endmacro %}


{#
    One row per Parquet file, from its end alone:
    how many rows, which columns are missing, which one is of a wrong type.
#}
{% macro ga4_footers(files) -%}
    {%- if not files -%}
    select
        cast(null as varchar) as file_name,
        cast(null as bigint) as num_rows,
        cast(null as varchar) as missing,
        cast(null as varchar) as wrong
    where false
    {%- else -%}
    {%- set listed -%}
        [{% for file in files %}{{ text_literal(file) }}{{ ', ' if not loop.last }}{% endfor %}]
    {%- endset -%}
    {%- set needed = {
        'events_': [
            'event_date', 'event_timestamp', 'event_name', 'event_params', 'user_pseudo_id'
        ],
        'ga_sessions_': ['fullVisitorId', 'visitId', 'visitStartTime', 'hits'],
        'pseudonymous_users_': ['pseudo_user_id'],
        'users_': ['user_id'],
    } -%}
    select
        columns.file_name,
        metadata.num_rows,
        columns.missing,
        case
            when starts_with(columns.name, 'events_') and not columns.has_params
                then 'not a GA4 export: event_params is not a list of structures'
            when starts_with(columns.name, 'events_') and not columns.has_moment
                then 'not a GA4 export: event_timestamp is not a whole number'
            when starts_with(columns.name, 'ga_sessions_') and not columns.has_hits
                then 'not a GA360 export: hits is not a list of structures'
        end as wrong
    from (
        select
            file_name,
            parse_filename(file_name) as name,
            array_to_string(list_filter(
                case
                    {%- for prefix, names in needed.items() %}
                    when starts_with(parse_filename(file_name), '{{ prefix }}') then {{ names }}
                    {%- endfor %}
                end,
                lambda needed: not list_contains(list(schema.name), needed)
            ), ', ') as missing,
            bool_or(schema.name = 'event_params' and coalesce(num_children, 0) > 0) as has_params,
            bool_or(schema.name = 'event_timestamp' and type = 'INT64') as has_moment,
            bool_or(schema.name = 'hits' and coalesce(num_children, 0) > 0) as has_hits
        from parquet_schema({{ listed }}) as schema
        group by file_name
    ) as columns
    inner join parquet_file_metadata({{ listed }}) as metadata
        on columns.file_name = metadata.file_name
    {%- endif -%}
{%- endmacro %}


{% macro ga4_problem_rows(problems) -%}
    {%- for file, problem in problems.items() -%}
    select {{ text_literal(file) }} as filename, {{ text_literal(problem) }} as problem
    union all
    {% endfor -%}
    select cast(null as varchar) as filename, cast(null as varchar) as problem where false
{%- endmacro %}
