{#
    The table of erased people; none before the first erasure. `madang erase` writes hashes of a
    person's identifiers into it. Before every build the landed tables are swept by them. Events of
    the GA4 export are left out when they are read.
#}
{% macro erased_identifiers() %}
    {{ return(adapter.get_relation(
        database=target.database, schema=madang.ledger_schema(), identifier='erased_identifiers'
    ) if execute else none) }}
{% endmacro %}


{% macro among_erased(expression, type, erased) -%}
    ({{ expression }} in (
        select identifier_value from {{ erased }} where identifier_type = '{{ type }}'
    ))
{%- endmacro %}


{#
    A selection of the export without the events of erased people:
    those with their user id, and those of devices that were only theirs.
#}
{% macro without_erased(selection, user_id, device_id) -%}
    {%- set erased = erased_identifiers() -%}
    {%- set people = run_query('select count(*) from ' ~ erased).rows[0][0]
        if erased is not none else 0 -%}
    {%- if people -%}
    {%- set ids = '(select value_bits from ' ~ erased ~ ' where identifier_type = ' -%}
    select *
    from (
    {{ selection }}
    ) as of_everybody
    where
        -- {{ people }} identifiers are erased
        (({{ sixty_bits('trim(' ~ user_id ~ ')') }} in {{ ids }}'crm_id')) is not true)
        and (({{ sixty_bits(device_id) }} in {{ ids }}'device')) is not true)
    {%- else -%}
    {{ selection }}
    {%- endif -%}
{%- endmacro %}
