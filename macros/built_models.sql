{# The ledger of built tables; none before the first build. #}
{% macro built_models_ledger() %}
    {{ return(adapter.get_relation(
        database=target.database, schema=target.schema ~ '_ledger', identifier='built_models'
    )) }}
{% endmacro %}


{#
    Whether the table is built outside its own schema, as `madang unmerge` does to try a decision.
    Such a table is always made again, and the ledger does not have it.
#}
{% macro is_tried_out() %}
    {{ return(this.schema != generate_schema_name(config.get('schema'), model) | trim) }}
{% endmacro %}


{#
    What the ledger says of each table, by its name (`made_of`, `rules`), and the turn of this run.
    A run reads it once. A table that is built adds itself, because its readers are built after it.

    It is kept in `graph`, which all nodes of a run share. Where two threads ask at once, the first
    answer stays.
#}
{% macro built_models() %}
    {% set key = 'built_models ' ~ invocation_id %}
    {% if key not in graph %}
        {% set ledger, tables, turns = madang.built_models_ledger(), {}, [0] %}
        {% if ledger is not none %}
            {% for row in run_query(
                'select model, made_of, rules, coalesce(turn, 0) from ' ~ ledger ~ ' order by 4'
            ).rows %}
                {% do tables.update({row[0]: {'made_of': row[1], 'rules': row[2]}}) %}
                {% do turns.append(row[3] | int) %}
            {% endfor %}
        {% endif %}
        {% do graph.setdefault(key, {'tables': tables, 'turn': turns[-1] + 1}) %}
    {% endif %}
    {{ return(graph[key]) }}
{% endmacro %}

{# One of them; empty where the ledger does not have the table. #}
{% macro built_model(name) %}{{ return(madang.built_models().tables.get(name, {})) }}{% endmacro %}


{#
    The answer to a query that is the same in the whole run: of a source, or of a table that is
    built before its readers.
#}
{% macro asked_once(sql) %}
    {% set key = sql ~ invocation_id %}
    {% if key not in graph %}{% do graph.update({key: run_query(sql).rows[0][0]}) %}{% endif %}
    {{ return(graph[key]) }}
{% endmacro %}


{#
    Call it when the table is written. It adds a row and changes none: BigQuery takes seconds to
    change rows, and two changes of one table wait for each other. `forget_older_models` deletes old
    rows once per run.
#}
{% macro remember_fingerprint(made_of) %}
    {% set ledger = madang.built_models_ledger() %}
    {% if ledger is not none and not madang.is_tried_out() %}
        {% set rules, built = madang.rules_of(model.compiled_code), madang.built_models() %}
        {% do run_query(
            "insert into " ~ ledger ~ " (model, made_of, rules, built_at, turn) values ('"
            ~ this.identifier ~ "', '" ~ made_of ~ "', '" ~ rules ~ "', "
            ~ madang.as_of() ~ ", " ~ built.turn ~ ")"
        ) %}
        {% do built.tables.update({this.identifier: {'made_of': made_of, 'rules': rules}}) %}
    {% endif %}
{% endmacro %}

{#
    Called at the end of a run, also of a failed one. After a killed run the next run does it; until
    then the highest turn counts.
#}
{% macro forget_older_models() %}
    {% set ledger = madang.built_models_ledger() %}
    {% if ledger is not none %}
        {% do madang.run_and_commit("
            delete from " ~ ledger ~ "
            where exists (
                select 1 from " ~ ledger ~ " as later
                where
                    later.model = built_models.model
                    and coalesce(later.turn, 0) > coalesce(built_models.turn, 0)
            )
        ") %}
    {% endif %}
{% endmacro %}
