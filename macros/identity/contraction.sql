{#
    Contracts edges (a, b) without loops until none is left. In each round a node takes the smallest
    of itself and its neighbours as its parent. Then the edges are relabelled, and loops and repeats
    are dropped. Gives the rounds, tables (node, parent); the first may exist already.

    Where ids are hashes, their order is independent of the edges. Then the longest chain of n nodes
    takes about 1.5 log2(n) rounds. A chain that is sorted by its ids would take n.

    The joins are left joins, though every node has a parent. With inner joins DuckDB may begin with
    the unequal parents, which are almost all pairs: it does not know the sizes of tables of its own
    transaction.
#}
{% macro contracted(edges, prefix, temporary, first=none) %}
    {%- set rounds = [] -%}
    {%- set state = namespace(edges=edges, left=rows_in(edges)) -%}
    {% for round in range(1, 129) %}{% if state.left > 0 or round == 1 %}
        {% set parents = first
            if first is not none and round == 1 else component_table(prefix ~ 'round_' ~ round) %}
        {% set next_edges = component_table(prefix ~ 'edges_' ~ round) %}
        {% do rounds.append(parents) %}
        {% if parents != first %}{% do create_component_table(parents, "
            select node, least(node, min(neighbour)) as parent
            from (
                select a as node, b as neighbour from " ~ state.edges ~ "
                union all
                select b, a from " ~ state.edges ~ "
            ) as both_ways
            group by node
        ", temporary) %}{% endif %}
        {% do create_component_table(next_edges, "
            select distinct least(left_node, right_node) as a, greatest(left_node, right_node) as b
            from (
                select
                    coalesce(left_parent.parent, edge.a) as left_node,
                    coalesce(right_parent.parent, edge.b) as right_node
                from " ~ state.edges ~ " as edge
                left join " ~ parents ~ " as left_parent
                    on edge.a = left_parent.node and left_parent.parent < left_parent.node
                left join " ~ parents ~ " as right_parent
                    on edge.b = right_parent.node and right_parent.parent < right_parent.node
            ) as relabelled
            where left_node <> right_node
        ", temporary) %}
        {% do drop_component_table(state.edges, temporary) %}
        {% set state.edges = next_edges %}
        {% set state.left = rows_in(next_edges) %}
    {% endif %}{% endfor %}
    {% if state.left > 0 %}
        {% do drop_component_tables(temporary) %}
        {% do exceptions.raise_compiler_error(
            model.name ~ ': edges are left after ' ~ rounds | length ~ ' rounds'
        ) %}
    {% endif %}
    {{ return(rounds) }}
{% endmacro %}


{#
    A query of columns of the first round and, as `label`, where the parents of the rounds lead to:
    the smallest node of the component.
#}
{% macro composed(rounds, columns, label) %}
    {%- set parents = ['round_1.parent'] -%}
    {%- set joins = [] -%}
    {%- for round in rounds[1:] -%}
        {%- set number = loop.index + 1 -%}
        {%- do parents.insert(0, 'round_' ~ number ~ '.parent') -%}
        {%- do joins.append('left join ' ~ round ~ ' as round_' ~ number
            ~ ' on round_' ~ (number - 1) ~ '.parent = round_' ~ number ~ '.node') -%}
    {%- endfor -%}
    {{ return("
        select
            round_1." ~ columns | join(', round_1.') ~ ",
            coalesce(" ~ parents | join(', ') ~ ") as " ~ label ~ "
        from " ~ rounds[0] ~ " as round_1 " ~ joins | join(' ')
    ) }}
{% endmacro %}
