{#
    Scenarios are in YAML under config.meta.scenarios of a model (see docs/stages.md):
    so long after a start, a person is to be written to unless they went on.
#}

{# The scenarios, numbered: Madang's own and the company's. #}
{% macro scenario_specs() %}
    {% set specs = [] %}
    {% if execute %}
        {% for scenario in named_rules('scenarios') %}
            {% do specs.append(dict(scenario, number=loop.index)) %}
            {% if 'did' in scenario.starts %}
                {% do require_actions(
                    'the scenario ' ~ scenario.name,
                    [scenario.starts.did] + value_texts(scenario.ends)
                ) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(specs) }}
{% endmacro %}


{#
    One row a scenario: how long it waits, for how long a trigger keeps others away,
    and how long it may be used.
#}
{% macro scenario_rows() -%}
    {%- set rows = [] -%}
    {%- for scenario in scenario_specs() -%}
        {%- do rows.append([
            scenario.number,
            text_literal(scenario.name),
            text_literal(scenario.get('label', scenario.name)),
            text_literal(scenario.starts.in_stage) if 'in_stage' in scenario.starts else 'null',
            text_literal(scenario.starts.journey) if 'journey' in scenario.starts else 'null',
            duration_micros(scenario.wait),
            duration_micros(scenario.cooldown),
            duration_micros(scenario.usable_for),
        ]) -%}
    {%- endfor -%}
    {{ rows_of(
        {
            'scenario_number': 'int64', 'scenario': 'string',
            'label': 'string', 'stage': 'string', 'journey': 'string',
            'wait_micros': 'int64', 'cooldown_micros': 'int64', 'usable_micros': 'int64'
        },
        rows,
    ) }}
{%- endmacro %}


{#
    Starts and ends by actions, for activities_that_meet.
    An end is of the same kind of object where the start names one.
#}
{% macro scenario_conditions() %}
    {% set conditions = [] %}
    {% for scenario in scenario_specs() if 'did' in scenario.starts %}
        {% do conditions.append({
            'number': conditions | length + 1,
            'action': scenario.starts.did,
            'where': scenario.starts.get('where'),
            'facts': [scenario.number, false],
        }) %}
        {% set wanted = scenario.starts.get('where', {}).get('object_type') %}
        {% for action in value_texts(scenario.ends) %}
            {% do conditions.append({
                'number': conditions | length + 1,
                'action': action,
                'where': {'object_type': wanted} if wanted else none,
                'facts': [scenario.number, true],
            }) %}
        {% endfor %}
    {% endfor %}
    {{ return(conditions) }}
{% endmacro %}
