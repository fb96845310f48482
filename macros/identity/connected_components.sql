{#
    Materialization for a model that selects edges (left_key, right_key): stores one row a node with the smallest node of its component
    (node_key, component_key), for every node that has an edge.
#}
{% materialization connected_components, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set temporary = [] -%}
    {%- set made_of = what_it_is_made_of(sql) -%}
    {{ run_hooks(pre_hooks) }}
    {% if is_made_of(existing, made_of) %}
        {% call noop_statement('main', 'UNCHANGED') %}{% endcall %}
        {% do adapter.commit() %}
        {{ return({'relations': [target_relation]}) }}
    {% endif %}

    {% set labels = component_labels(sql, '', temporary) %}

    {% if existing is not none and existing.type != 'table' %}{% do adapter.drop_relation(existing) %}{% endif %}
    {% call statement('main') %}
        create or replace table {{ target_relation }} as
        select node as node_key, parent as component_key from {{ labels }}
    {% endcall %}
    {% do drop_component_tables(temporary) %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks) }}
    {% do remember_what_it_is_made_of(existing, made_of) %}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#
    A table (node, parent) of every node of the edges (left_key, right_key) that a query selects, with the smallest node of its component.

    The graph is contracted until no edge is left: each node takes the smallest of itself and its neighbours, the edges are relabelled, and loops and
    repeats fall away. Each round at least halves a component's longest chain of minima in practice; the loop stops when the graph is empty. Then the
    rounds are composed backwards. Plain `create or replace table` statements, the same on both warehouses.
#}
{% macro component_labels(query, prefix, temporary) %}
    {%- set rounds = [] -%}
    {%- set state = namespace(edges=component_table(prefix ~ 'edges_0')) -%}
    {% do create_component_table(state.edges, "
        select distinct
            least(left_key, right_key) as a,
            greatest(left_key, right_key) as b
        from (" ~ query ~ ") as selected
        where left_key <> right_key
    ", temporary) %}
    {% set state.left = rows_in(state.edges) %}

    {% for round in range(1, 65) %}
        {% if state.left > 0 %}
            {% set parents = component_table(prefix ~ 'round_' ~ round) %}
            {% set next_edges = component_table(prefix ~ 'edges_' ~ round) %}
            {% do rounds.append(parents) %}
            {% do create_component_table(parents, "
                select node, least(node, min(neighbour)) as parent
                from (
                    select a as node, b as neighbour from " ~ state.edges ~ "
                    union all
                    select b, a from " ~ state.edges ~ "
                ) as both_ways
                group by node
            ", temporary) %}
            {% do create_component_table(next_edges, "
                select distinct
                    least(left_parent.parent, right_parent.parent) as a,
                    greatest(left_parent.parent, right_parent.parent) as b
                from " ~ state.edges ~ " as edge
                inner join " ~ parents ~ " as left_parent on edge.a = left_parent.node
                inner join " ~ parents ~ " as right_parent on edge.b = right_parent.node
                where left_parent.parent <> right_parent.parent
            ", temporary) %}
            {% set state.edges = next_edges %}
            {% set state.left = rows_in(next_edges) %}
        {% endif %}
    {% endfor %}

    {% if state.left > 0 %}
        {% do exceptions.raise_compiler_error(model.name ~ ': edges are left after ' ~ rounds | length ~ ' rounds') %}
    {% endif %}

    {% if rounds %}
        {% set state.labels = rounds[-1] %}
    {% else %}
        {% set state.labels = component_table(prefix ~ 'labels') %}
        {% do create_component_table(state.labels, 'select a as node, b as parent from ' ~ state.edges, temporary) %}
    {% endif %}
    {% for parents in rounds[:-1] | reverse %}
        {% set labels = component_table(prefix ~ 'labels_' ~ loop.revindex) %}
        {% do create_component_table(labels, "
            select child.node, coalesce(label.parent, child.parent) as parent
            from " ~ parents ~ " as child
            left join " ~ state.labels ~ " as label on child.parent = label.node
        ", temporary) %}
        {% set state.labels = labels %}
    {% endfor %}
    {{ return(state.labels) }}
{% endmacro %}


{% macro component_table(name) %}
    {{ return(api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ '__' ~ name
    )) }}
{% endmacro %}


{% macro create_component_table(relation, query, temporary) %}
    {% do run_query('create or replace table ' ~ relation ~ ' as ' ~ query) %}
    {% if relation not in temporary %}{% do temporary.append(relation) %}{% endif %}
{% endmacro %}


{% macro drop_component_tables(temporary) %}
    {% for relation in temporary %}
        {% do run_query('drop table if exists ' ~ relation) %}
    {% endfor %}
{% endmacro %}


{# How many rows a relation, or a part of it, has. #}
{% macro rows_in(relation, condition='true') %}
    {{ return(run_query('select count(*) as found from ' ~ relation ~ ' where ' ~ condition).rows[0][0]) }}
{% endmacro %}
