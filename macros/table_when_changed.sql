{#
    Materialization for a table that is built anew only when something that it is made of has changed: its compiled SQL (and so the rules, variables and the
    run's clock where it uses them), a table or seed that it reads, or the landed files of a source. A run with nothing new then does no work, and a rebuilt
    table makes those after it be rebuilt. `--full-refresh` builds in any case. The ledger `built_models` remembers what each table was made of.
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
    One text for all that the model is made of. Of an input that cannot be told (a view, files, somebody else's table) it says that this run is another one than the
    last, so that the model is built.
#}
{% macro what_it_is_made_of(sql) %}
    {% if madang.is_tried_out() %}{{ return(invocation_id) }}{% endif %}
    {% set texts = [local_md5(sql), local_md5(tojson(config.get('cluster_by', [])))] %}
    {% set queries = [] %}
    {# What reads no table may read files; a list of actions reads nothing. #}
    {% set is_list_of_actions = 'actions' in (config.get('meta') or {}) %}
    {% if not model.depends_on.nodes and not is_list_of_actions %}{% do texts.append(invocation_id) %}{% endif %}
    {% for unique_id in model.depends_on.nodes | unique | sort %}
        {% set node = graph.nodes.get(unique_id) or graph.sources.get(unique_id) %}
        {% if node.resource_type == 'seed' %}
            {% do texts.append(node.checksum.checksum) %}
        {% elif node.resource_type == 'source' and node.schema == madang.raw_schema() %}
            {% do queries.append("select '" ~ node.identifier ~ "' as name, concat(cast(count(*) as string), ' ', "
                ~ "coalesce(cast(max(_loaded_at) as string), '')) as made_of from "
                ~ api.Relation.create(database=node.database, schema=node.schema, identifier=node.identifier)) %}
        {% elif node.resource_type == 'model' and node.config.materialized in ['incremental', 'days_when_changed'] %}
            {% do queries.append("select '" ~ node.name ~ "' as name, "
                ~ madang.md5_hex("string_agg(concat(revision, ' ', run_id) order by property_id, event_date)")
                ~ " as made_of from " ~ madang.ga4_days_ledger() ~ " where model = '" ~ node.name ~ "'") %}
        {% elif node.resource_type == 'model' and node.config.materialized in
                ['table_when_changed', 'append_when_changed', 'connected_components', 'markov_fits', 'never_link_cuts'] %}
            {% do queries.append("select model as name, made_of from " ~ madang.built_models_ledger()
                ~ " where model = '" ~ node.name ~ "'") %}
        {% else %}
            {% do texts.append(invocation_id) %}
        {% endif %}
    {% endfor %}
    {% if queries and invocation_id not in texts and madang.built_models_ledger() is not none %}
        {% set found = run_query('select name, made_of from (' ~ queries | join(' union all ') ~ ') as inputs order by 1') %}
        {% for row in found.rows %}{% do texts.append(row[0] ~ ' ' ~ row[1]) %}{% endfor %}
        {% if found.rows | length < queries | length %}{% do texts.append(invocation_id) %}{% endif %}
    {% endif %}
    {{ return(local_md5(texts | join(' '))) }}
{% endmacro %}


{# Whether the table is there and was made of just this. #}
{% macro is_made_of(existing, made_of) %}
    {% set ledger = madang.built_models_ledger() %}
    {% if existing is none or existing.type != 'table' or ledger is none or should_full_refresh() %}
        {{ return(false) }}
    {% endif %}
    {% set found = run_query(
        "select count(*) from " ~ ledger ~ " where model = '" ~ this.identifier ~ "' and made_of = '" ~ made_of ~ "'"
    ) %}
    {{ return(found.rows[0][0] > 0) }}
{% endmacro %}


{# To be called when the table is written. #}
{% macro remember_what_it_is_made_of(made_of) %}
    {% set ledger = madang.built_models_ledger() %}
    {% if ledger is not none and not madang.is_tried_out() %}
        {% do run_query("
            merge into " ~ ledger ~ " as built
            using (
                select '" ~ this.identifier ~ "' as model, '" ~ made_of ~ "' as made_of, '" ~ madang.rules_of(model.compiled_code) ~ "' as rules
            ) as made
                on built.model = made.model
            when matched then update set made_of = made.made_of, rules = made.rules, built_at = " ~ madang.as_of() ~ "
            when not matched then insert (model, made_of, rules, built_at)
                values (made.model, made.made_of, made.rules, " ~ madang.as_of() ~ ")
        ") %}
    {% endif %}
{% endmacro %}


{#
    What decides, beside the rows that it reads, what a model says of a row: its compiled SQL, the seeds that it reads, and the same of the tables that it looks
    things up in. As one text.
#}
{% macro rules_of(compiled_sql) %}
    {% set texts, looked_up = [local_md5(compiled_sql)], [] %}
    {% for unique_id in model.depends_on.nodes | unique | sort %}
        {% set node = graph.nodes.get(unique_id) %}
        {% if node.resource_type == 'seed' %}{% do texts.append(node.checksum.checksum) %}
        {% elif node.resource_type == 'model' %}{% do looked_up.append(node.name) %}
        {% endif %}
    {% endfor %}
    {% set ledger = madang.built_models_ledger() %}
    {% if looked_up and ledger is not none %}
        {% set found = run_query(
            'select model, rules from ' ~ ledger ~ ' where rules is not null and model in (' ~ madang.text_literals(looked_up) ~ ') order by 1'
        ) %}
        {% for row in found.rows %}{% do texts.append(row[0] ~ ' ' ~ row[1]) %}{% endfor %}
    {% endif %}
    {{ return(local_md5(texts | join(' '))) }}
{% endmacro %}
