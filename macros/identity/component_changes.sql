{#
    What a build of `connected_components` changes in its table: {nodes, buckets, edges}; none where
    the table is made again. `nodes`: a table (node_id, node_key, component_key). A null component
    is a node without edges, a key is a new node. `buckets`: those with a changed edge. `edges`:
    what these buckets hold now.

    All edges are read twice, but only once with their keys. That is most of the work where few are
    new.
#}
{% macro component_changes(existing, selected, temporary) %}
    {%- set kept = kept_edges() -%}
    {% if existing is none or existing.type != 'table' or kept is none or should_full_refresh() %}
        {{ return(none) }}
    {% endif %}
    {% if 'node_id' not in adapter.get_columns_in_relation(existing)
        | map(attribute='name') | list %}
        {{ return(none) }}
    {% endif %}

    {%- set buckets, now, before = component_table('buckets'), component_table('now'),
        component_table('before') -%}
    {% do create_component_table(buckets, "
        select coalesce(of_now.bucket, of_before.bucket) as bucket
        from (" ~ edge_sums(numbered_edges(selected)) ~ ") as of_now
        full outer join (" ~ edge_sums(kept) ~ ") as of_before on of_now.bucket = of_before.bucket
        where
            of_now.edges is distinct from of_before.edges
            or of_now.sums is distinct from of_before.sums
            or of_now.bits is distinct from of_before.bits
    ", temporary) %}
    {% set in_them = ' where bucket in (select bucket from ' ~ buckets ~ ')' %}
    {% do create_component_table(now, 'select bucket, a, b, left_key, right_key from '
        ~ numbered_edges(selected, 'left_key, right_key') ~ in_them, temporary) %}
    {% do create_component_table(before, 'select a, b from ' ~ kept ~ in_them, temporary) %}
    {%- set added, removed = component_table('added'), component_table('removed') -%}
    {% do create_component_table(
        added, edges_not_in(now, before, 'these.left_key <> these.right_key'), temporary
    ) %}
    {% do create_component_table(
        removed, edges_not_in(before, now, 'these.a <> these.b'), temporary
    ) %}
    {% if (rows_in(added) + rows_in(removed)) * 5 > rows_in(kept) %}{{ return(none) }}{% endif %}

    {% set loose = loose_nodes(existing, removed, temporary) %}
    {% set touched = touched_edges(selected, added, removed, loose, temporary) %}
    {% set ends = known_ends(existing, touched, loose, now, temporary) %}
    {% if rows_in(ends, 'is_shared') > 0 %}{{ return(none) }}{% endif %}

    {% set linked = component_table('linked') %}
    {% do create_component_table(linked, "
        select distinct a, b
        from (
            select coalesce(left_end.label, edge.a) as a, coalesce(right_end.label, edge.b) as b
            from " ~ touched ~ " as edge
            left join " ~ ends ~ " as left_end on edge.a = left_end.node_id
            left join " ~ ends ~ " as right_end on edge.b = right_end.node_id
        ) as relabelled
        where a <> b
    ", temporary) %}
    {%- set labels, nodes = component_table('labels'), component_table('changes') -%}
    {% do create_component_table(
        labels, composed(contracted(linked, 'linked_', temporary), ['node'], 'parent'), temporary
    ) %}
    {% do create_component_table(nodes, "
        select node.node_id, cast(null as string) as node_key, labels.parent as component_key
        from " ~ existing ~ " as node
        inner join " ~ labels ~ " as labels
            on node.component_key = labels.node and labels.node <> labels.parent
        left join " ~ loose ~ " as loose on node.node_id = loose.node_id
        where loose.node_id is null
        union all
        select loose.node_id, cast(null as string), labels.parent
        from " ~ loose ~ " as loose
        left join " ~ labels ~ " as labels on loose.node_id = labels.node
        union all
        select new_node.node_id, new_node.node_key, labels.parent
        from " ~ ends ~ " as new_node
        inner join " ~ labels ~ " as labels on new_node.node_id = labels.node
        where new_node.is_new
    ", temporary) %}
    {{ return({'nodes': nodes, 'buckets': buckets, 'edges': now}) }}
{% endmacro %}


{# Everybody in a component that an edge has left: who belongs together there is found anew. #}
{% macro loose_nodes(existing, removed, temporary) %}
    {%- set loose = component_table('loose') -%}
    {% do create_component_table(loose, "
        select node.node_id
        from " ~ existing ~ " as node
        where node.component_key in (
            select left_one.component_key from " ~ existing ~ " as left_one
            where left_one.node_id in (
                select a from " ~ removed ~ " union all select b from " ~ removed ~ "
            )
        )
    ", temporary) %}
    {{ return(loose) }}
{% endmacro %}


{# The new edges, and all those of who is loose. #}
{% macro touched_edges(selected, added, removed, loose, temporary) %}
    {%- set touched = component_table('touched') -%}
    {% set of_loose = "
        union distinct
        select left_id as a, right_id as b
        from " ~ selected ~ "
        where left_key <> right_key and (
            left_id in (select node_id from " ~ loose ~ ")
            or right_id in (select node_id from " ~ loose ~ ")
        )" if rows_in(removed) > 0 else '' %}
    {% do create_component_table(touched, 'select a, b from ' ~ added ~ of_loose, temporary) %}
    {{ return(touched) }}
{% endmacro %}


{#
    The ends of these edges, each with its label: its component, or itself where it is loose or new.
    New ones have their key, because all their edges are in the changed buckets. Two keys with one
    id are `is_shared`.
#}
{% macro known_ends(existing, touched, loose, now, temporary) %}
    {%- set met, ends = component_table('met'), component_table('ends') -%}
    {% do create_component_table(met, "
        select
            node_id,
            any_value(node_key) as node_key,
            min(" ~ fleeting_hash('node_key') ~ ") <> max(" ~ fleeting_hash('node_key') ~ ")
                as is_shared
        from (
            select a as node_id, left_key as node_key
            from " ~ now ~ "
            union all
            select b, right_key
            from " ~ now ~ "
        ) as both_ends
        group by node_id
    ", temporary) %}
    {% do create_component_table(ends, "
        select
            ends.node_id,
            met.node_key,
            node.node_id is null as is_new,
            met.is_shared or coalesce(met.node_key <> node.node_key, false) as is_shared,
            case
                when loose.node_id is null then coalesce(node.component_key, ends.node_id)
                else ends.node_id
            end as label
        from (select a as node_id from " ~ touched ~ " union distinct select b from " ~ touched ~ ")
            as ends
        left join " ~ met ~ " as met on ends.node_id = met.node_id
        left join " ~ existing ~ " as node on ends.node_id = node.node_id
        left join " ~ loose ~ " as loose on ends.node_id = loose.node_id
    ", temporary) %}
    {{ return(ends) }}
{% endmacro %}


{% macro edges_not_in(these, those, condition) %}
    {{ return("
        select distinct these.a, these.b from " ~ these ~ " as these
        where
            " ~ condition ~ "
            and not exists (
                select 1 from " ~ those ~ " as those where these.a = those.a and these.b = those.b
            )
    ") }}
{% endmacro %}


{# The edges as numbers, loops and repeats among them. #}
{% macro numbered_edges(selected, more=none) %}
    {{ return("(
        select
            coalesce(bucket, date '1970-01-01') as bucket, left_id as a,
            right_id as b" ~ (', ' ~ more if more else '') ~ "
        from " ~ selected ~ "
    ) as edges") }}
{% endmacro %}


{#
    What tells two sets of edges apart without comparing them:
    how many there are, and two sums over the products of their ends.
#}
{% macro edge_sums(edges) %}
    {%- set product = 'mod(a, 1073741789) * mod(b, 1073741783)' -%}
    {{ return("
        select
            bucket, count(*) as edges, sum(mod(" ~ product ~ ", 2147483647)) as sums,
            bit_xor(" ~ product ~ ") as bits
        from " ~ edges ~ " group by bucket
    ") }}
{% endmacro %}


{#
    One statement, so that a build that dies leaves the table as it was or as it is to be;
    applied twice, the changes change nothing more.
#}
{% macro merge_component_changes(target_relation, changes) %}
    merge into {{ target_relation }} as node
    using (select node_id, node_key, component_key from {{ changes }}) as changed
        on node.node_id = changed.node_id
    when matched and changed.component_key is null then delete
    when matched then update set component_key = changed.component_key
    when not matched then insert (node_key, node_id, component_key)
        values (changed.node_key, changed.node_id, changed.component_key)
{% endmacro %}
