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
    {%- set made_of = madang.fingerprint_of_model(sql) -%}
    {{ run_hooks(pre_hooks) }}
    {% if madang.has_fingerprint(existing, made_of) %}
        {% call noop_statement('main', 'UNCHANGED') %}{% endcall %}
    {% else %}
        {% if existing is not none and existing.type != 'table' %}
            {% do adapter.drop_relation(existing) %}
        {% endif %}
        {% do madang.write_table(existing, target_relation, sql) %}
        {% do persist_docs(target_relation, model) %}
        {% do madang.remember_fingerprint(made_of) %}
    {% endif %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#
    The fingerprint of all that the model is made of. Some inputs have none: a view, files, a table
    that dbt does not build. Then it is the run's id, so the model is built.
#}
{% macro fingerprint_of_model(sql) %}
    {% if madang.is_tried_out() or madang.built_models_ledger() is none %}
        {{ return(invocation_id) }}
    {% endif %}
    {% set texts = [local_md5(sql), local_md5(tojson(config.get('cluster_by', [])))] %}
    {# What reads no table may read files; a list of actions reads nothing. #}
    {% set is_list_of_actions = 'actions' in (config.get('meta') or {}) %}
    {% if not model.depends_on.nodes and not is_list_of_actions %}
        {{ return(invocation_id) }}
    {% endif %}
    {% for unique_id in model.depends_on.nodes | unique | sort %}
        {% set input = graph.nodes.get(unique_id) or graph.sources.get(unique_id) %}
        {% set made_of = madang.fingerprint_of_input(input) %}
        {% if made_of is none %}{{ return(invocation_id) }}{% endif %}
        {% do texts.append(input.name ~ ' ' ~ made_of) %}
    {% endfor %}
    {{ return(local_md5(texts | join(' '))) }}
{% endmacro %}

{# The fingerprint of one input; none where it has none. #}
{% macro fingerprint_of_input(node) %}
    {% if node.resource_type == 'seed' %}{{ return(node.checksum.checksum) }}{% endif %}
    {% if node.resource_type == 'source' and node.schema == madang.raw_schema() %}
        {{ return(madang.asked_once(
            "select concat(cast(count(*) as string), ' ', "
            ~ "coalesce(cast(max(_loaded_at) as string), '')) from "
            ~ api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.identifier
            )
        )) }}
    {% elif node.resource_type == 'model'
        and node.config.materialized in ['incremental', 'days_when_changed'] %}
        {{ return(madang.asked_once("select coalesce("
            ~ madang.md5_hex(
                "string_agg(concat(revision, ' ', run_id) order by property_id, event_date)"
            )
            ~ ", 'no day') from " ~ madang.ga4_days_ledger() ~ " where model = '" ~ node.name
            ~ "'")) }}
    {% elif node.resource_type == 'model' and node.config.materialized in
            [
                'table_when_changed', 'append_when_changed',
                'connected_components', 'markov_fits', 'never_link_cuts'
            ] %}
        {{ return(madang.built_model(node.name).get('made_of')) }}
    {% endif %}
    {{ return(none) }}
{% endmacro %}


{# Whether the table exists and was made of exactly this. #}
{% macro has_fingerprint(existing, made_of) %}
    {% if existing is none or existing.type != 'table' or should_full_refresh() %}
        {{ return(false) }}
    {% endif %}
    {{ return(madang.built_model(this.identifier).get('made_of') == made_of) }}
{% endmacro %}


{#
    The rules of a model as a short text: its compiled SQL, its seeds, and the rules of the tables
    that it looks up in.
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
