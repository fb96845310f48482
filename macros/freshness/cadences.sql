{#
    How often each loaded table is expected to come, from dbt's own `freshness.warn_after` in its
    YAML: name of source and table → hours, none where it says nothing.
#}
{% macro source_cadences() %}
    {% set hours = {'minute': 1 / 60, 'hour': 1, 'day': 24} %}
    {% set found = {} %}
    {% for node in (graph.sources.values() if execute else []) | sort(attribute='unique_id')
        if node.config.meta.get('load') %}
        {% set after = (node.freshness or {}).get('warn_after') or {} %}
        {% do found.update({
            node.source_name ~ '.' ~ node.name: after.count * hours[after.period]
            if after.count else none
        }) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    Of each loaded source, what rests on it: {source: {name: kind}}. Marts,
    syncs and reports by lineage; audiences by the actions of their rule, the CRM and consent.
#}
{% macro source_dependents() %}
    {% set found = {} %}
    {% if execute %}
        {% set reached = {} %}
        {% for node in graph.sources.values() | sort(attribute='unique_id')
            if node.config.meta.get('load') %}
            {% do reached.update({node.unique_id: [node.source_name]}) %}
            {% do found.update({node.source_name: {}}) %}
        {% endfor %}
        {# the GA4 export is read by its shards, which on DuckDB are files #}
        {% do found.update({'ga4': {}}) %}
        {% for node in graph.nodes.values()
            if node.resource_type == 'model' and node.name == 'base_ga4__shards' %}
            {% do reached.update({node.unique_id: ['ga4']}) %}
        {% endfor %}
        {% set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model')
            | list %}
        {% set nodes = (models + graph.exposures.values() | list) | sort(attribute='unique_id') %}
        {% set state = namespace(changed=true) %}
        {% for round in range(60) if state.changed %}
            {% set state.changed = false %}
            {% for node in nodes %}
                {% set mine = reached.get(node.unique_id, []) %}
                {% set before = mine | length %}
                {% for parent in node.depends_on.nodes %}
                    {% for name in reached.get(parent, []) if name not in mine %}
                        {% do mine.append(name) %}
                    {% endfor %}
                {% endfor %}
                {% if mine | length > before %}
                    {% do reached.update({node.unique_id: mine}) %}
                    {% set state.changed = true %}
                {% endif %}
            {% endfor %}
        {% endfor %}
        {% for node in nodes %}
            {% set is_mart = node.resource_type == 'model'
                and '/marts/' in node.original_file_path | replace('\\', '/') %}
            {% set is_own_rule = node.resource_type == 'model'
                and node.config.meta.get('audience') %}
            {% set of_exposure = 'sync' if node.config.meta.get('sync') else 'report' %}
            {% set kind = 'mart'
                if is_mart and not is_own_rule else of_exposure
                if node.resource_type == 'exposure' else none %}
            {% for name in reached.get(node.unique_id, []) if kind %}
                {% do found[name].update({node.name: kind}) %}
            {% endfor %}
        {% endfor %}
        {% for audience, spec in audience_specs().items() %}
            {% for name in audience_sources(spec) if name in found %}
                {% do found[name].update({audience: 'audience'}) %}
            {% endfor %}
        {% endfor %}
    {% endif %}
    {{ return(found) }}
{% endmacro %}


{#
    The sources that an audience rests on:
    those of the actions in its rule, the CRM (who is who) and consent (who may be contacted).
#}
{% macro audience_sources(spec) %}
    {% set names = ['crm', 'consent'] %}
    {% set of_action = {} %}
    {% for action in named_actions() %}
        {% do of_action.update({action.name: action.get('source', 'ga4')}) %}
    {% endfor %}
    {% for condition in audience_conditions(spec.rule) if 'did' in condition %}
        {% for action in [condition.did, condition.get('and_not')] if action %}
            {% set source = of_action.get(action, 'ga4') %}
            {% set name = {'inquiry': 'inquiries'}.get(source, source) %}
            {% if name not in names %}{% do names.append(name) %}{% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}
