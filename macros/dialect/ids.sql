{#
    A whole number from 0 to 2^60 - 1 for a text, from the start of its MD5:
    the same on both warehouses and in every version of them. Null stays null.
#}
{% macro sixty_bits(expression) %}
    {{ return(adapter.dispatch('sixty_bits', 'madang')(expression)) }}
{% endmacro %}

{% macro default__sixty_bits(expression) -%}
    cast(concat('0x', substr(to_hex(reverse(substr(md5({{ expression }}), 1, 8))), 1, 15)) as int64)
{%- endmacro %}

{# Not md5_number_upper: that goes through a text of 128 bits, with four times the work. #}
{% macro duckdb__sixty_bits(expression) -%}
    cast((md5_number({{ expression }}) >> 4) & 1152921504606846975 as int64)
{%- endmacro %}


{#
    A whole number for a text, as cheap as the warehouse has one.
    It is another one in another version: for comparing within a statement, never to be stored.
#}
{% macro fleeting_hash(expression) %}
    {{ return(adapter.dispatch('fleeting_hash', 'madang')(expression)) }}
{% endmacro %}

{% macro default__fleeting_hash(expression) %}farm_fingerprint({{ expression }}){% endmacro %}

{% macro duckdb__fleeting_hash(expression) %}hash({{ expression }}){% endmacro %}


{#
    A table that lives as long as its materialization: DuckDB keeps it out of the file.
    Whoever makes one drops it.
#}
{% macro scratch_relation(name) %}
    {{ return(adapter.dispatch('scratch_relation', 'madang')(name)) }}
{% endmacro %}

{% macro default__scratch_relation(name) %}
    {{ return(api.Relation.create(
        database=this.database, schema=this.schema, identifier=this.identifier ~ '__' ~ name
    )) }}
{% endmacro %}

{% macro duckdb__scratch_relation(name) %}
    {{ return(api.Relation.create(
        database='temp', schema='main', identifier=this.identifier ~ '__' ~ name
    )) }}
{% endmacro %}


{% macro create_scratch_table_as(relation, query) %}
    {{ return(adapter.dispatch('create_scratch_table_as', 'madang')(relation, query)) }}
{% endmacro %}

{% macro default__create_scratch_table_as(relation, query) %}
    {{ return('create or replace table ' ~ relation ~ ' as ' ~ query) }}
{% endmacro %}

{% macro duckdb__create_scratch_table_as(relation, query) %}
    {{ return('create or replace temp table ' ~ relation ~ ' as ' ~ query) }}
{% endmacro %}
