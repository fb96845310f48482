{#
    Materialization for a table that is built only when its fingerprint changed. The fingerprint
    covers its compiled SQL, the tables and seeds that it reads, and the landed files of a source.
    So it covers the rules, the variables and the run's clock, too.

    A run with nothing new does no work, and a rebuilt table rebuilds those after it.
    `--full-refresh` builds in any case. The ledger `built_models` remembers what each table was
    made of.
#}
{% materialization table_when_changed, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set made_of = madang.what_it_is_made_of(sql) -%}
    {{ run_hooks(pre_hooks) }}
    {% if madang.is_made_of(existing, made_of) %}
        {% call noop_statement('main', 'UNCHANGED') %}{% endcall %}
    {% else %}
        {% if existing is not none and existing.type != 'table' %}{% do adapter.drop_relation(existing) %}{% endif %}
        {% do madang.write_table(existing, target_relation, sql) %}
        {% do persist_docs(target_relation, model) %}
        {% do madang.remember_what_it_is_made_of(made_of) %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro built_models_ledger() %}
    {{ return(adapter.get_relation(
        database=target.database, schema=target.schema ~ '_ledger', identifier='built_models'
    )) }}
{% endmacro %}


{# Whether the table is built elsewhere than in its own schema, as a decision is tried (madang unmerge): such a one is not the ledger's, and always made anew. #}
{% macro is_tried_out() %}{{ return(this.schema != generate_schema_name(config.get('schema'), model) | trim) }}{% endmacro %}


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
            {% for row in run_query('select model, made_of, rules, coalesce(turn, 0) from ' ~ ledger ~ ' order by 4').rows %}
                {% do tables.update({row[0]: {'made_of': row[1], 'rules': row[2]}}) %}
                {% do turns.append(row[3] | int) %}
            {% endfor %}
        {% endif %}
        {% do graph.setdefault(key, {'tables': tables, 'turn': turns[-1] + 1}) %}
    {% endif %}
    {{ return(graph[key]) }}
{% endmacro %}

{# One of them; nothing of a table that the ledger does not know. #}
{% macro built_model(name) %}{{ return(madang.built_models().tables.get(name, {})) }}{% endmacro %}


{# The answer to a question about what no longer changes in a run once anybody asks: a source, or a table that is built before those that read it. #}
{% macro asked_once(sql) %}
    {% set key = sql ~ invocation_id %}
    {% if key not in graph %}{% do graph.update({key: run_query(sql).rows[0][0]}) %}{% endif %}
    {{ return(graph[key]) }}
{% endmacro %}


{#
    One text for all that the model is made of. Of an input that cannot be told (a view, files, somebody else's table) it says that this run is another one than the
    last, so that the model is built.
#}
{% macro what_it_is_made_of(sql) %}
    {% if madang.is_tried_out() or madang.built_models_ledger() is none %}{{ return(invocation_id) }}{% endif %}
    {% set texts = [local_md5(sql), local_md5(tojson(config.get('cluster_by', [])))] %}
    {# What reads no table may read files; a list of actions reads nothing. #}
    {% set is_list_of_actions = 'actions' in (config.get('meta') or {}) %}
    {% if not model.depends_on.nodes and not is_list_of_actions %}{{ return(invocation_id) }}{% endif %}
    {% for unique_id in model.depends_on.nodes | unique | sort %}
        {% set input = graph.nodes.get(unique_id) or graph.sources.get(unique_id) %}
        {% set made_of = madang.what_an_input_is_made_of(input) %}
        {% if made_of is none %}{{ return(invocation_id) }}{% endif %}
        {% do texts.append(input.name ~ ' ' ~ made_of) %}
    {% endfor %}
    {{ return(local_md5(texts | join(' '))) }}
{% endmacro %}

{# As a text; none where it cannot be told. #}
{% macro what_an_input_is_made_of(node) %}
    {% if node.resource_type == 'seed' %}{{ return(node.checksum.checksum) }}{% endif %}
    {% if node.resource_type == 'source' and node.schema == madang.raw_schema() %}
        {{ return(madang.asked_once("select concat(cast(count(*) as string), ' ', coalesce(cast(max(_loaded_at) as string), '')) from "
            ~ api.Relation.create(database=node.database, schema=node.schema, identifier=node.identifier))) }}
    {% elif node.resource_type == 'model' and node.config.materialized in ['incremental', 'days_when_changed'] %}
        {{ return(madang.asked_once("select coalesce("
            ~ madang.md5_hex("string_agg(concat(revision, ' ', run_id) order by property_id, event_date)")
            ~ ", 'no day') from " ~ madang.ga4_days_ledger() ~ " where model = '" ~ node.name ~ "'")) }}
    {% elif node.resource_type == 'model' and node.config.materialized in
            ['table_when_changed', 'append_when_changed', 'connected_components', 'markov_fits', 'never_link_cuts'] %}
        {{ return(madang.built_model(node.name).get('made_of')) }}
    {% endif %}
    {{ return(none) }}
{% endmacro %}


{# Whether the table is there and was made of just this. #}
{% macro is_made_of(existing, made_of) %}
    {% if existing is none or existing.type != 'table' or should_full_refresh() %}{{ return(false) }}{% endif %}
    {{ return(madang.built_model(this.identifier).get('made_of') == made_of) }}
{% endmacro %}


{#
    To be called when the table is written. A row is added and none is changed: BigQuery takes seconds for a change of rows, and two of one table wait for each other.
    `forget_older_models` takes away those that no longer hold, once a run.
#}
{% macro remember_what_it_is_made_of(made_of) %}
    {% set ledger = madang.built_models_ledger() %}
    {% if ledger is not none and not madang.is_tried_out() %}
        {% set rules, built = madang.rules_of(model.compiled_code), madang.built_models() %}
        {% do run_query(
            "insert into " ~ ledger ~ " (model, made_of, rules, built_at, turn) values ('" ~ this.identifier ~ "', '" ~ made_of ~ "', '" ~ rules ~ "', "
            ~ madang.as_of() ~ ", " ~ built.turn ~ ")"
        ) %}
        {% do built.tables.update({this.identifier: {'made_of': made_of, 'rules': rules}}) %}
    {% endif %}
{% endmacro %}

{# At the end of a run, also of one that failed. Of one that was killed, the next does it; until then the highest turn holds. #}
{% macro forget_older_models() %}
    {% set ledger = madang.built_models_ledger() %}
    {% if ledger is not none %}
        {% do madang.run_and_commit("
            delete from " ~ ledger ~ "
            where concat(model, ' ', cast(coalesce(turn, 0) as string)) not in (
                select concat(model, ' ', cast(max(coalesce(turn, 0)) as string)) from " ~ ledger ~ " group by model
            )
        ") %}
    {% endif %}
{% endmacro %}


{#
    The rules of a model, as a text: its compiled SQL, the seeds that it reads, and the same of the tables that it looks things up in. As one text.
#}
{% macro rules_of(compiled_sql) %}
    {% set texts = [local_md5(compiled_sql)] %}
    {% for unique_id in model.depends_on.nodes | unique | sort %}
        {% set node = graph.nodes.get(unique_id) %}
        {% if node.resource_type == 'seed' %}{% do texts.append(node.checksum.checksum) %}
        {% elif node.resource_type == 'model' %}
            {% set rules = madang.built_model(node.name).get('rules') %}
            {% if rules %}{% do texts.append(node.name ~ ' ' ~ rules) %}{% endif %}
        {% endif %}
    {% endfor %}
    {{ return(local_md5(texts | join(' '))) }}
{% endmacro %}
