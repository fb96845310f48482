{#
    Deletes what is about an erased person from the landed tables. It keeps the hash of such rows'
    own ids (an order, a contact of Salesforce), so that rows that refer to them go too, now or
    later. A table is swept when it has new rows, or when a person was erased since its last sweep.
#}
{% macro sweep_erased() %}
    {% set erased = erased_identifiers()
        if flags.WHICH in ['build', 'run', 'run-operation'] else none %}
    {% if erased is none or raw_schema() != target.schema ~ '_raw' %}{{ return('') }}{% endif %}
    {% set sweeps = api.Relation.create(
        database=target.database, schema=erased.schema, identifier='erasure_sweeps'
    ) %}
    {% do run_query(
        'create table if not exists ' ~ sweeps ~ ' (table_name string, swept string)'
    ) %}
    {% set landed = landed_about_people(erased) %}
    {% set count = 'select count(*) from ' ~ erased %}
    {% set state = namespace(names=unswept(landed, sweeps, erased), buried=0, grows=true) %}
    {% if state.names %}{% set state.buried = run_query(count).rows[0][0] %}{% endif %}
    {% for round in range(20) %}
        {% if state.names and state.grows %}
            {% for name in state.names if landed[name].harvest %}
                {% do run_query(landed[name].harvest) %}
            {% endfor %}
            {% set buried = run_query(count).rows[0][0] %}
            {% set state.grows = buried > state.buried %}
            {% if state.grows %}
                {% set state.buried = buried %}
                {% set state.names = landed.keys() | list %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {% for name in state.names %}{% do sweep_table(landed[name], sweeps, erased) %}{% endfor %}
    {{ return('') }}
{% endmacro %}


{# What a table held and who was erased when it was last swept, as one text. #}
{% macro sweep_state(table, erased) -%}
    (select concat(
        cast(count(*) as string),
        ' ',
        coalesce(cast(max(_loaded_at) as string), ''),
        ' ',
        cast((select count(*) from {{ erased }}) as string)
    )
    from {{ table.relation }})
{%- endmacro %}


{#
    The names of the tables to which rows came, or since whose last sweep somebody was erased:
    one question for all of them.
#}
{% macro unswept(landed, sweeps, erased) %}
    {% set states, names = [], [] %}
    {% for name, table in landed.items() %}
        {% do states.append(
            "select '" ~ name ~ "' as table_name, " ~ sweep_state(table, erased) ~ ' as swept'
        ) %}
    {% endfor %}
    {% if states %}
        {% set found = run_query(
            'select found.table_name from (' ~ states | join(' union all ')
            ~ ') as found left join ' ~ sweeps ~ ' as earlier'
            ~ ' on found.table_name = earlier.table_name and found.swept = earlier.swept where '
            ~ 'earlier.table_name is null order by 1'
        ) %}
        {% for row in found.rows %}{% do names.append(row[0]) %}{% endfor %}
    {% endif %}
    {{ return(names) }}
{% endmacro %}


{% macro sweep_table(table, sweeps, erased) %}
    {% set either = ([table.theirs] + table.emptied.values() | list) | join(' or ') %}
    {% if run_query('select count(*) from ' ~ table.relation ~ ' where ' ~ either).rows[0][0] %}
        {% set ledger = built_models_ledger() %}
        {% if ledger is not none %}
            {% do run_query('delete from ' ~ ledger ~ ' where true') %}
        {% endif %}
        {% do run_query('delete from ' ~ table.relation ~ ' where ' ~ table.theirs) %}
        {% if table.emptied %}
            {% set cells = [] %}
            {% for name, condition in table.emptied.items() %}
                {% do cells.append(
                    name ~ ' = case when ' ~ condition ~ ' then null else ' ~ name ~ ' end'
                ) %}
            {% endfor %}
            {% do run_query(
                'update ' ~ table.relation ~ ' set ' ~ cells | join(', ') ~ ' where '
                ~ table.emptied.values() | join(' or ')
            ) %}
        {% endif %}
    {% endif %}
    {% set name = table.relation.identifier %}
    {% do run_query('delete from ' ~ sweeps ~ " where table_name = '" ~ name ~ "'") %}
    {% do run_query(
        'insert into ' ~ sweeps ~ " (table_name, swept) select '" ~ name ~ "', "
        ~ sweep_state(table, erased)
    ) %}
    {% do adapter.commit() %}
{% endmacro %}
