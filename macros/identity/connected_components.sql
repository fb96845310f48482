{#
    Materialization for a model that selects edges (left_key, right_key): stores one row a node with the smallest node of its component
    (node_key, component_key), for every node that has an edge.

    The graph is contracted until no edge is left: each node takes the smallest of itself and its neighbours, the edges are relabelled, and loops and
    repeats fall away. Each round at least halves a component's longest chain of minima in practice; the loop stops when the graph is empty. Then the
    rounds are composed backwards. Plain `create or replace table` statements, the same on both warehouses.
#}
{% materialization connected_components, default %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set rounds = [] -%}
    {%- set edges = component_table('edges') -%}
    {%- set next_edges = component_table('next_edges') -%}
    {%- set labels = component_table('labels') -%}
    {{ run_hooks(pre_hooks) }}

    {% do create_component_table(edges, "
        select distinct
            least(left_key, right_key) as a,
            greatest(left_key, right_key) as b
        from (" ~ sql ~ ") as selected
        where left_key <> right_key
    ") %}

    {% for round in range(64) if run_query('select count(*) from ' ~ edges).rows[0][0] > 0 %}
        {% set parents = component_table('round_' ~ loop.index) %}
        {% do rounds.append(parents) %}
        {% do create_component_table(parents, "
            select node, least(node, min(neighbour)) as parent
            from (select a as node, b as neighbour from " ~ edges ~ " union all select b, a from " ~ edges ~ ") as both_ways
            group by node
        ") %}
        {% do create_component_table(next_edges, "
            select distinct
                least(left_parent.parent, right_parent.parent) as a,
                greatest(left_parent.parent, right_parent.parent) as b
            from " ~ edges ~ " as edge
            inner join " ~ parents ~ " as left_parent on edge.a = left_parent.node
            inner join " ~ parents ~ " as right_parent on edge.b = right_parent.node
            where left_parent.parent <> right_parent.parent
        ") %}
        {% do create_component_table(edges, 'select a, b from ' ~ next_edges) %}
    {% endfor %}

    {% if run_query('select count(*) from ' ~ edges).rows[0][0] > 0 %}
        {% do exceptions.raise_compiler_error('connected_components: edges are left after ' ~ rounds | length ~ ' rounds') %}
    {% endif %}

    {% do create_component_table(
        labels, rounds and 'select node, parent from ' ~ rounds[-1] or 'select a as node, b as parent from ' ~ edges
    ) %}
    {% for parents in rounds[:-1] | reverse %}
        {% do create_component_table(next_edges, "
            select child.node, coalesce(label.parent, child.parent) as parent
            from " ~ parents ~ " as child
            left join " ~ labels ~ " as label on child.parent = label.node
        ") %}
        {% do create_component_table(labels, 'select node, parent from ' ~ next_edges) %}
    {% endfor %}

    {% if existing is not none and existing.type != 'table' %}{% do adapter.drop_relation(existing) %}{% endif %}
    {% call statement('main') %}
        create or replace table {{ target_relation }} as
        select node as node_key, parent as component_key from {{ labels }}
    {% endcall %}
    {% for relation in rounds + [edges, next_edges, labels] %}
        {% do run_query('drop table if exists ' ~ relation) %}
    {% endfor %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro component_table(name) %}
    {{ return(api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ '__' ~ name
    )) }}
{% endmacro %}


{% macro create_component_table(relation, query) %}
    {% do run_query('create or replace table ' ~ relation ~ ' as ' ~ query) %}
{% endmacro %}
