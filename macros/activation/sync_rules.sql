{# What the exposure that sends this model says under config.meta.sync: its channels, and which key a person has at the destination. #}
{% macro sync_rule() %}
    {% if execute %}
        {% for exposure in graph.exposures.values() if exposure.config.meta.get('sync', {}).get('model') == model.name %}
            {{ return(exposure.config.meta.sync) }}
        {% endfor %}
    {% endif %}
    {{ return({}) }}
{% endmacro %}


{# The permits of a sync: those of the channels that it names, else of all. #}
{% macro sync_permits() -%}
    select *
    from {{ ref('audience_permits') }}
    {%- if madang.sync_rule().get('channels') %}
    where channel in ({{ madang.text_literals(madang.sync_rule().channels) }})
    {%- endif %}
{%- endmacro %}


{#
    One customer number a person, by `person_key` of the sync: `among` the numbers that the CRM still has (current) or all, and of these the one registered
    first or last.
#}
{% macro sync_customer_numbers() -%}
    {%- set rule = madang.sync_rule().get('person_key', {}) -%}
    select person_id, customer_no
    from {{ ref('customer_numbers') }}
    {%- if rule.get('among', 'current') == 'current' %}
    where is_current
    {%- endif %}
    qualify row_number() over (
        partition by person_id
        order by
            case when registered_at is null then 1 else 0 end,
            registered_at {{ 'desc' if rule.get('registered') == 'last' else 'asc' }},
            customer_no
    ) = 1
{%- endmacro %}
