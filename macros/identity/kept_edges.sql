{# The edges that the table was made of; none before the first build. #}
{% macro kept_edges() %}
    {{ return(adapter.get_relation(
        database=this.database, schema=this.schema, identifier=this.identifier ~ '_edges'
    )) }}
{% endmacro %}


{#
    Ids with a salt are not those that the model selects:
    what they were made of is not kept, and every build makes all anew.
#}
{% macro keep_edges(selected, salt) %}
    {%- set kept = api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ '_edges'
    ) -%}
    {% do run_query('create or replace table ' ~ kept ~ ' as select bucket, a, b from '
        ~ numbered_edges(selected)
        ~ (' where false' if salt else '')) %}
{% endmacro %}


{% macro replace_kept_edges(changes) %}
    {%- set kept = kept_edges() -%}
    {% do run_query(
        'delete from ' ~ kept ~ ' where bucket in (select bucket from ' ~ changes.buckets ~ ')'
    ) %}
    {% do run_query(
        'insert into ' ~ kept ~ ' (bucket, a, b) select bucket, a, b from ' ~ changes.edges
    ) %}
{% endmacro %}
