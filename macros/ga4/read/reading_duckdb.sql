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
    Parquet columns as expressions of the wanted types. A column that has its type already is named
    and nothing more, for DuckDB reads single fields of a structure only through a plain name.
#}
{% macro ga4_columns_of_files(reader, columns) %}
    {% set query %}
        select 'there' as place, column_name, column_type from (describe select * from {{ reader }})
        union all
        select 'wanted' as place, column_name, column_type
        from (
            describe
            select
            {% for name, shape in columns.items() %}
            cast(null as {{ ga4_type(shape) }}) as {{ name }}{{ ', ' if not loop.last }}
            {% endfor %}
        )
    {% endset %}
    {% set there, wanted, expressions = {}, {}, [] %}
    {% for row in run_query(query).rows %}
        {% do (there if row[0] == 'there' else wanted).update({row[1]: row[2]}) %}
    {% endfor %}
    {% for name, shape in columns.items() %}
        {% if there.get(name) == wanted[name] %}
            {% do expressions.append(name) %}
        {% else %}
            {% do expressions.append(
                'cast(' ~ (name if name in there else 'null') ~ ' as ' ~ ga4_type(shape) ~ ') as '
                ~ name
            ) %}
        {% endif %}
    {% endfor %}
    {{ return(expressions) }}
{% endmacro %}


{#
    The property that a file belongs to, by its folder;
    deeper folders first, so that one property's may lie in another's.
#}
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
