{#
    The syncs that exposures declare, as a query:
    name, destination, cadence as it is written, and the hours of a cadence such as `every 1 hour`.
#}
{% macro declared_syncs() -%}
    {%- set minutes = {'minute': 1, 'hour': 60, 'day': 1440} -%}
    {%- set rows = [] -%}
    {%- for exposure in (graph.get('exposures', {}).values() if execute else [])
        | sort(attribute='name') if exposure.config.meta.get('sync') -%}
        {%- set cadence = exposure.config.meta.sync.get('cadence', 'on_change') -%}
        {%- set words = cadence.split(' ') -%}
        {%- set hours = words[1] | int * minutes.get(words[2].rstrip('s'), 0) / 60
            if words | length == 3 else 'null' -%}
        {%- do rows.append([
            madang.text_literal(exposure.name),
            madang.text_literal(exposure.config.meta.sync.destination),
            madang.text_literal(cadence),
            hours
        ]) -%}
    {%- endfor -%}
    {{ madang.rows_of(
        {
            'sync': 'string', 'destination': 'string',
            'cadence': 'string', 'cadence_hours': madang.float64()
        },
        rows
    ) }}
{%- endmacro %}


{#
    What the syncs say under config.meta.sync that start messages (campaigns of Braze, entries into
    journeys of Marketing Cloud), each with its name.
#}
{% macro message_syncs() %}
    {% set found = [] %}
    {% set exposures = graph.get('exposures', {}).values() if execute else [] %}
    {% for exposure in exposures | sort(attribute='name') %}
        {% set object = exposure.config.meta.get('sync', {}).get('object') %}
        {% if object in ['campaign_messages', 'journey_entry'] %}
            {% do found.append(dict(exposure.config.meta.sync, name=exposure.name)) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
