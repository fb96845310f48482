{#
    Materialization for a model that selects, by `kind`, the edges that count (left_key, right_key,
    is_decided, evidence_count, first_seen_at) and the pairs that must never be one person
    ('never_link': left_key, right_key). It stores the edges to cut, so that no such pair is
    connected: one row per edge (left_key, right_key) and pair (never_left_key, never_right_key).

    The edges are walked from both ends of every pair at once, one step per round. A node goes to
    the nearer end. At the same distance it goes to the end with more evidence, then the earlier
    one, then the smaller key. Edges between the two sides are cut. Nodes that people tied together
    (is_decided) are one node and stay whole. Without pairs it costs one count.
#}
{% materialization never_link_cuts, default %}
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

    {% if rows_in('(' ~ sql ~ ') as selected', "kind = 'never_link'") > 0 %}
        {% set cuts = cuts_between_sides(sql, temporary) %}
    {% else %}
        {% set cuts = "select left_key, right_key, left_key as never_left_key, right_key as "
            ~ "never_right_key from ("
            ~ sql
            ~ ") as selected where 1 = 0" %}
    {% endif %}

    {% if existing is not none and existing.type != 'table' %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
    {% call statement('main') %}
        create or replace table {{ target_relation }} as {{ cuts }}
    {% endcall %}
    {% do drop_component_tables(temporary) %}

    {% do persist_docs(target_relation, model) %}
    {{ run_hooks(post_hooks) }}
    {% do remember_fingerprint(made_of) %}
    {% do adapter.commit() %}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# The query of what is to be cut. #}
{% macro cuts_between_sides(sql, temporary) %}
    {%- set edges, links, ends = component_table('edges'), component_table('links'),
        component_table('ends') -%}
    {% do create_component_table(edges, "
        select
            left_key,
            right_key,
            max(case when is_decided then 1 else 0 end) as is_decided,
            sum(evidence_count) as evidence_count,
            min(first_seen_at) as first_seen_at
        from (" ~ sql ~ ") as selected
        where kind = 'edge' and left_key <> right_key
        group by left_key, right_key
    ", temporary) %}
    {% set groups = component_labels(
        'select left_key, right_key from ' ~ edges ~ ' where is_decided = 1', 'decided_', temporary
    ) %}
    {% do create_component_table(links, "
        select
            node, neighbour, sum(evidence_count) as evidence_count,
            min(first_seen_at) as first_seen_at
        from (
            select
                coalesce(left_group.parent, edge.left_key) as node,
                coalesce(right_group.parent, edge.right_key) as neighbour,
                edge.evidence_count,
                edge.first_seen_at
            from " ~ edges ~ " as edge
            left join " ~ groups ~ " as left_group on edge.left_key = left_group.node
            left join " ~ groups ~ " as right_group on edge.right_key = right_group.node
            where edge.is_decided = 0
            union all
            select
                coalesce(right_group.parent, edge.right_key),
                coalesce(left_group.parent, edge.left_key),
                edge.evidence_count,
                edge.first_seen_at
            from " ~ edges ~ " as edge
            left join " ~ groups ~ " as left_group on edge.left_key = left_group.node
            left join " ~ groups ~ " as right_group on edge.right_key = right_group.node
            where edge.is_decided = 0
        ) as both_ways
        where node <> neighbour
        group by node, neighbour
    ", temporary) %}
    {% do create_component_table(ends, "
        select
            pair.a,
            pair.b,
            coalesce(a_group.parent, pair.a) as a_node,
            coalesce(b_group.parent, pair.b) as b_node
        from (
            select distinct least(left_key, right_key) as a, greatest(left_key, right_key) as b
            from (" ~ sql ~ ") as selected
            where kind = 'never_link'
        ) as pair
        left join " ~ groups ~ " as a_group on pair.a = a_group.node
        left join " ~ groups ~ " as b_group on pair.b = b_group.node
    ", temporary) %}
    {% if rows_in(ends, 'a_node = b_node') > 0 %}
        {% do drop_component_tables(temporary) %}
        {% do exceptions.raise_compiler_error(
            'identity_decisions: two identifiers are to be one person (must_link, perhaps over '
            ~ 'several rows) and never to be one (never_link). Take one of the rows out; madang '
            ~ 'explain pair shows them.'
        ) %}
    {% endif %}
    {% set sides = sides_of_pairs(ends, links, temporary) %}
    {{ return("
        select
            edge.left_key,
            edge.right_key,
            left_side.a as never_left_key,
            left_side.b as never_right_key
        from " ~ edges ~ " as edge
        left join " ~ groups ~ " as left_group on edge.left_key = left_group.node
        left join " ~ groups ~ " as right_group on edge.right_key = right_group.node
        inner join " ~ sides ~ " as left_side
            on coalesce(left_group.parent, edge.left_key) = left_side.node
        inner join " ~ sides ~ " as right_side
            on coalesce(right_group.parent, edge.right_key) = right_side.node
            and left_side.a = right_side.a
            and left_side.b = right_side.b
        where left_side.side <> right_side.side
    ") }}
{% endmacro %}


{#
    A table (a, b, node, side, distance):
    whom each pair's ends reach, and to which of them each goes.
#}
{% macro sides_of_pairs(ends, links, temporary) %}
    {%- set state = namespace(sides=component_table('sides_0'), reached=1, rounds=0) -%}
    {% do create_component_table(state.sides, "
        select a, b, a_node as node, 0 as side, 0 as distance from " ~ ends ~ "
        union all
        select a, b, b_node, 1, 0 from " ~ ends
    , temporary) %}
    {% for round in range(1, 1001) %}
        {% if state.reached > 0 %}
            {% set next_sides = component_table('sides_' ~ round % 2) %}
            {% do create_component_table(next_sides, "
                select a, b, node, side, distance from " ~ state.sides ~ "
                union all
                select a, b, node, side, " ~ round ~ "
                from (
                    select
                        a, b, node, side,
                        row_number() over (
                            partition by a, b, node
                            order by evidence_count desc, first_seen_at, side
                        ) as preference
                    from (
                        select
                            frontier.a,
                            frontier.b,
                            link.neighbour as node,
                            frontier.side,
                            sum(link.evidence_count) as evidence_count,
                            coalesce(min(link.first_seen_at), " ~ far_future() ~ ") as first_seen_at
                        from " ~ state.sides ~ " as frontier
                        inner join " ~ links ~ " as link on frontier.node = link.node
                        left join " ~ state.sides ~ " as known
                            on frontier.a = known.a
                            and frontier.b = known.b
                            and link.neighbour = known.node
                        where frontier.distance = " ~ (round - 1) ~ " and known.node is null
                        group by frontier.a, frontier.b, link.neighbour, frontier.side
                    ) as candidates
                ) as preferred
                where preference = 1
            ", temporary) %}
            {% set state.sides = next_sides %}
            {% set state.reached = rows_in(next_sides, 'distance = ' ~ round) %}
            {% set state.rounds = round %}
        {% endif %}
    {% endfor %}
    {% if state.reached > 0 %}
        {% do drop_component_tables(temporary) %}
        {% do exceptions.raise_compiler_error(
            model.name ~ ': people are tied over more than ' ~ state.rounds
            ~ ' steps. Exclude what ties them (madang exclude).'
        ) %}
    {% endif %}
    {{ return(state.sides) }}
{% endmacro %}
