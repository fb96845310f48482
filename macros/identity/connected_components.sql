{#
    Materialization for a model that selects edges: left_key and right_key (texts), left_id and
    right_id (their `sixty_bits`) and bucket. A bucket is a date that never changes for an edge; new
    edges should be in few of them. It stores one row per node with an edge: node_key, node_id,
    component_key (the smallest id of the component).

    The edges of the last build are kept in <model>_edges. The next build works only on components
    whose edges changed, and makes the same table. It makes the whole table again after a change of
    more than a fifth of the edges, or with `--full-refresh`.
#}
{% materialization connected_components, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set temporary = [] -%}
    {%- set made_of = fingerprint_of_model(sql) -%}
    {{ run_hooks(pre_hooks) }}
    {% if has_fingerprint(existing, made_of) %}
        {% call noop_statement('main', 'UNCHANGED') %}{% endcall %}
        {% do adapter.commit() %}
        {{ return({'relations': [target_relation]}) }}
    {% endif %}

    {% set selected = '(' ~ sql ~ ') as selected' %}
    {% set changes = component_changes(existing, selected, temporary) %}
    {% if changes is not none %}
        {% call statement('main') %}
            {{ merge_component_changes(target_relation, changes.nodes) }}
        {% endcall %}
        {% do replace_kept_edges(changes) %}
    {% else %}
        {% if existing is not none and existing.type != 'table' %}
            {% do adapter.drop_relation(existing) %}
        {% endif %}
        {% set found = all_components(selected, temporary) %}
        {% call statement('main') %}
            create or replace table {{ target_relation }} as
            {{ composed(found.rounds, ['node_key', 'node as node_id'], 'component_key') }}
        {% endcall %}
        {% do keep_edges(selected, found.salt) %}
        {% do persist_docs(target_relation, model) %}
    {% endif %}
    {% do drop_component_tables(temporary) %}

    {{ run_hooks(post_hooks) }}
    {% do remember_fingerprint(made_of) %}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#
    Contracts all edges and gives the rounds; the first round has the nodes' keys. Two keys with one
    id would join strangers. In that case all ids are made again from the keys and a salt. A second
    hash of the key finds such ids, because comparing the keys themselves is most of the work.
#}
{% macro all_components(selected, temporary) %}
    {%- set nodes, edges = component_table('nodes'), component_table('all_edges') -%}
    {%- set found = namespace(salt=none) -%}
    {% for salt in range(0, 4) %}{% if found.salt is none %}
        {% set left_id = sixty_bits("concat(left_key, ' " ~ salt ~ "')") if salt else 'left_id' %}
        {% set right_id = sixty_bits("concat(right_key, ' " ~ salt ~ "')")
            if salt else 'right_id' %}
        {% do create_component_table(nodes, "
            select
                node,
                least(node, min(neighbour)) as parent,
                any_value(node_key) as node_key,
                min(" ~ fleeting_hash('node_key') ~ ") <> max(" ~ fleeting_hash('node_key') ~ ")
                    as is_shared
            from (
                select left_key as node_key, " ~ left_id ~ " as node, " ~ right_id ~ " as neighbour
                from " ~ selected ~ " where left_key <> right_key
                union all
                select right_key, " ~ right_id ~ ", " ~ left_id ~ "
                from " ~ selected ~ "
                where left_key <> right_key
            ) as both_ways
            group by node
        ", temporary) %}
        {% if rows_in(nodes, 'is_shared') == 0 %}
            {% set found.salt = salt %}
            {% do create_component_table(edges, "
                select *
                from (select " ~ left_id ~ " as a, " ~ right_id ~ " as b from " ~ selected ~ ")
                    as edges
                where a <> b
            ", temporary) %}
        {% endif %}
    {% endif %}{% endfor %}
    {% if found.salt is none %}
        {% do drop_component_tables(temporary) %}
        {% do exceptions.raise_compiler_error(
            model.name ~ ': left_id and right_id are not the ids of left_key and right_key'
        ) %}
    {% endif %}
    {{ return({
        'rounds': contracted(edges, 'salt_' ~ found.salt ~ '_', temporary, nodes),
        'salt': found.salt
    }) }}
{% endmacro %}


{#
    A table (node, parent) of every node of the edges (left_key, right_key) that a query selects,
    with the smallest node of its component.
#}
{% macro component_labels(query, prefix, temporary) %}
    {%- set edges, labels = component_table(prefix ~ 'edges'), component_table(
        prefix ~ 'labels'
    ) -%}
    {% do create_component_table(edges, "
        select left_key as a, right_key as b
        from (" ~ query ~ ") as selected
        where left_key <> right_key
    ", temporary) %}
    {% do create_component_table(
        labels, composed(contracted(edges, prefix, temporary), ['node'], 'parent'), temporary
    ) %}
    {{ return(labels) }}
{% endmacro %}
