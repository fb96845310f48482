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
    What the syncs say under config.meta.sync that start messages, each with its name. These are
    campaigns of Braze, entries into journeys of Marketing Cloud, and triggers of scenarios.
#}
{% macro message_syncs() %}
    {% set found = [] %}
    {% set exposures = graph.get('exposures', {}).values() if execute else [] %}
    {% for exposure in exposures | sort(attribute='name') %}
        {% set sync = exposure.config.meta.get('sync', {}) %}
        {% if sync.get('object') in ['campaign_messages', 'journey_entry']
            or sync.get('scenarios') %}
            {% do found.append(dict(sync, name=exposure.name)) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    What starts messages, as rows of texts: `campaigns` (sync, purpose, audience, campaign),
    `scenarios` (sync, purpose, scenario, campaign or Canvas, which an endpoint has not) and
    `entries` (sync, purpose). `syncs` are the names, of which there is always one.
#}
{% macro message_rows() %}
    {% set rows = {'campaigns': [], 'scenarios': [], 'entries': [], 'syncs': ['']} %}
    {% for sync in madang.message_syncs() %}
        {% set own = [
            madang.text_literal(sync.name), madang.text_literal(sync.get('purpose', 'marketing')),
        ] %}
        {% do rows.syncs.append(sync.name) %}
        {% if sync.object == 'journey_entry' %}
            {% do rows.entries.append(own) %}
        {% endif %}
        {% for audience, campaign in sync.get('campaigns', {}).items() %}
            {% do rows.campaigns.append(own + [
                madang.text_literal(audience), madang.text_literal(campaign.campaign_id),
            ]) %}
        {% endfor %}
        {% for scenario, sent in sync.get('scenarios', {}).items() %}
            {% set sender = sent.get('campaign_id') or sent.get('canvas_id') %}
            {% do rows.scenarios.append(own + [
                madang.text_literal(scenario), madang.text_literal(sender) if sender else 'null',
            ]) %}
        {% endfor %}
    {% endfor %}
    {{ return(rows) }}
{% endmacro %}
