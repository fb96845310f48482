{#
    Creates every landed table and ledger table that a source declares and that does not exist yet,
    empty. So a project without a CRM builds like one with it. A column that was declared later is
    added to its table. The GA4 export belongs to Google and is left alone.
#}
{% macro create_missing_sources() %}
    {% if not execute or flags.WHICH not in ['build', 'run', 'test', 'snapshot', 'show'] %}
        {{ return('') }}
    {% endif %}
    {% set raw, there = target.schema ~ '_raw', {} %}
    {% for source in graph.sources.values() if source.schema in [raw, target.schema ~ '_ledger'] %}
        {% set relation = api.Relation.create(
            database=source.database, schema=source.schema, identifier=source.identifier
        ) %}
        {% if source.schema not in there %}
            {% do adapter.create_schema(relation) %}
            {% do there.update({source.schema: columns_by_table(source.database, source.schema)}) %}
        {% endif %}
        {% set known = there[source.schema].get(source.identifier) %}
        {% set columns = [] %}
        {% for column in source.columns.values() %}
            {% if known is none or column.name not in known %}
                {% do columns.append(
                    adapter.quote(column.name) ~ ' '
                    ~ (float64() if column.data_type == 'float64' else column.data_type)
                ) %}
            {% endif %}
        {% endfor %}
        {% if known is none %}
            {% if source.schema == raw %}{% do columns.extend(landing_columns()) %}{% endif %}
            {% do run_query(
                'create table if not exists ' ~ relation ~ ' (' ~ columns | join(', ') ~ ')'
            ) %}
        {% else %}
            {% for column in columns %}
                {% do run_query('alter table ' ~ relation ~ ' add column ' ~ column) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{#
    The names of the columns of all tables of a schema, by table:
    one question, where a table each would be many.
#}
{% macro columns_by_table(database, schema) %}
    {% set found = {} %}
    {% for row in run_query(columns_of_schema(database, schema)).rows %}
        {% do found.setdefault(row[0], []).append(row[1]) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# What the loader writes beside the declared columns: where a row came from. #}
{% macro landing_columns() %}
    {{ return([
        '_file string', '_sheet string', '_row int64', '_sha256 string', '_loaded_at timestamp',
    ]) }}
{% endmacro %}
