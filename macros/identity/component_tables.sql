{% macro component_table(name) %}{{ return(scratch_relation(name)) }}{% endmacro %}


{% macro create_component_table(relation, query, temporary) %}
    {% do run_query(create_scratch_table_as(relation, query)) %}
    {% if relation not in temporary %}{% do temporary.append(relation) %}{% endif %}
{% endmacro %}


{% macro drop_component_table(relation, temporary) %}
    {% do run_query('drop table if exists ' ~ relation) %}
    {% do temporary.remove(relation) %}
{% endmacro %}


{% macro drop_component_tables(temporary) %}
    {% for relation in temporary | list %}
        {% do drop_component_table(relation, temporary) %}
    {% endfor %}
{% endmacro %}


{# How many rows a relation, or a part of it, has. #}
{% macro rows_in(relation, condition='true') %}
    {{ return(
        run_query('select count(*) as found from ' ~ relation ~ ' where ' ~ condition).rows[0][0]
    ) }}
{% endmacro %}
