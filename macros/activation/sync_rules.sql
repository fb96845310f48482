{#
    What the exposure that sends this model says under config.meta.sync:
    its purpose and channels, and which key a person has at the destination.
#}
{% macro sync_rule() %}
    {% for exposure in madang.sync_exposures() %}{{ return(exposure.config.meta.sync) }}{% endfor %}
    {{ return({}) }}
{% endmacro %}


{#
    The names of the syncs that send this model, as texts;
    one that none has where there is no such sync.
#}
{% macro sync_names() -%}
    {{ madang.text_literals(madang.sync_exposures() | map(attribute='name') | list or ['']) }}
{%- endmacro %}


{# The exposures that send this model. #}
{% macro sync_exposures() %}
    {% set found = [] %}
    {% for exposure in (graph.get('exposures', {}).values() if execute else [])
        | sort(attribute='name')
        if exposure.config.meta.get('sync', {}).get('model') == model.name %}
        {% do found.append(exposure) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    One customer number a person, by `person_key` of the sync: `among` the numbers that the CRM
    still has (current) or all, and of these the one registered first or last.
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
        order by {{ madang.customer_number_order(rule) }}
    ) = 1
{%- endmacro %}


{#
    The order of a person's customer numbers:
    the one registered first, or last where `person_key` says so.
#}
{% macro customer_number_order(person_key) -%}
    case when registered_at is null then 1 else 0 end,
            registered_at {{ 'desc' if person_key.get('registered') == 'last' else 'asc' }},
            customer_no
{%- endmacro %}
