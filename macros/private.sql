{#
    Columns tagged `meta.pii: true` hold names, addresses or numbers of people, hashes of them, or
    texts with them. They stand in `private`, or in `activation` where a destination needs them.
    `meta.pii: indirect` is what names a person only beside another table, such as a customer number
    or a record's id. docs/tables.md explains it.
#}
{% macro check_private_columns() %}
    {% if not execute or flags.WHICH not in ['build', 'run'] %}{{ return('') }}{% endif %}
    {% for node in graph.nodes.values() if node.resource_type in ['model', 'seed', 'snapshot'] %}
        {% set is_closed = node.config.schema in ['private', 'activation'] %}
        {% set is_stored = node.config.materialized != 'ephemeral' %}
        {% for column in node.columns.values() if is_stored and not is_closed %}
            {% set meta = (column.get('config') or {}).get('meta') or column.get('meta') or {} %}
            {% if meta.get('pii') and meta.get('pii') != 'indirect' %}
                {{ exceptions.raise_compiler_error(
                    node.name ~ ' has the personal column ' ~ column.name ~ ' (meta.pii) and stands'
                    ~ ' in ' ~ node.schema ~ ", which others may read. Set 'schema: private' in the"
                    ~ ' config of the model, or take the column out. Where it names nobody by'
                    ~ " itself, such as a customer number, write 'pii: indirect'."
                ) }}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return('') }}
{% endmacro %}


{#
    A model that moved to `private` or `activation` leaves its former table where others may read
    it. It is dropped once the new one is there, unless another model stands in its place.
#}
{% macro drop_moved_tables() %}
    {% if not execute or flags.WHICH not in ['build', 'run'] %}{{ return('') }}{% endif %}
    {% set moved, standing = [], [] %}
    {% for node in graph.nodes.values() if node.resource_type in ['model', 'seed', 'snapshot'] %}
        {% do standing.append((node.schema ~ '.' ~ node.alias) | lower) %}
        {% if node.config.schema in ['private', 'activation'] %}
            {% do moved.append(node) %}
        {% endif %}
    {% endfor %}
    {% for node in moved if node.config.materialized != 'ephemeral' %}
        {% for layer in ['staging', 'identity', 'activity', 'marts'] %}
            {% set schema = generate_schema_name(layer, node) | trim %}
            {% if (schema ~ '.' ~ node.alias) | lower not in standing %}
                {% set former = adapter.get_relation(
                    database=node.database, schema=schema, identifier=node.alias
                ) %}
                {% set moved_to = adapter.get_relation(
                    database=node.database, schema=node.schema, identifier=node.alias
                ) %}
                {% if former is not none and moved_to is not none %}
                    {% do run_and_commit('drop ' ~ former.type ~ ' if exists ' ~ former) %}
                {% endif %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return('') }}
{% endmacro %}
