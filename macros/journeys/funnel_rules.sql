{#
    A funnel's rule is in the YAML of its model, `funnel_<name>`, under config.meta.funnel (see docs/funnels.md).
    Steps happen in order, every step is another activity, and the whole stays within `window` of the first step. A later first step may start the entry
    anew: somebody converts if any of their entries does.
#}

{# name → rule, for every funnel_ model that has one, in order of name. #}
{% macro funnel_specs() %}
    {% set specs = {} %}
    {% if execute %}
        {% for node in graph.nodes.values() | sort(attribute='name') %}
            {% if node.resource_type == 'model' and node.name.startswith('funnel_') and node.config.meta.get('funnel') %}
                {% do specs.update({node.name[7:]: node.config.meta.funnel}) %}
                {% do require_actions(node.name, node.config.meta.funnel.steps | map(attribute='action') | list) %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {{ return(specs) }}
{% endmacro %}


{% macro funnel_step_condition(step) -%}
    action = {{ text_literal(step.action) }}
    {%- for column, wanted in step.get('where', {}).items() %} and {{ equals_any(column, wanted) }}{% endfor -%}
{%- endmacro %}


{# A timestamp plus '30 days', '1 hour', '90 minutes'. #}
{% macro plus_duration(expression, duration) -%}
    {%- set amount, unit = duration.split(' ') -%}
    {{ timestamp_plus(expression, amount, unit.rstrip('s')) }}
{%- endmacro %}


{#
    The CTEs of one funnel, the last of them `<name>_reached`: one row for every activity that reached a step, with the moments of all steps up to it.

    A chain of windows that shrinks: at step k, each activity of that step looks back at the last activity that reached step k - 1 and takes over its
    moments, if the entry is still within the window. Sorting once a step, it does not suffer from a subject with a hundred thousand activities, as a
    self-join would. Of activities at the same moment, later steps come first, so that no activity is its own successor.
#}
{% macro funnel_ctes(name, spec) %}
{%- set last = spec.steps | length %}
{{ name }}_step_1 as (

    select
        subject_id,
        person_id,
        activity_order,
        occurred_at,
        step_number,
        case when step_number = 1 then occurred_at end as step_1_at,
        case when step_number = 1 then channel_group end as entry_channel_group
    from funnel_activities
    where funnel = '{{ name }}'

),

{% for k in range(2, last + 1) -%}
{{ name }}_looked_back_{{ k }} as (

    select
        subject_id,
        person_id,
        activity_order,
        occurred_at,
        step_number,
        {% for j in range(1, k) -%}
        last_value(case when step_number = {{ k - 1 }} then step_{{ j }}_at end ignore nulls) over looking_back as step_{{ j }}_at,
        {% endfor -%}
        last_value(case when step_number = {{ k - 1 }} then entry_channel_group end ignore nulls) over looking_back
            as entry_channel_group
    from {{ name }}_step_{{ k - 1 }}
    window looking_back as (
        partition by subject_id
        order by activity_order, step_number desc
        rows between unbounded preceding and 1 preceding
    )

),

{{ name }}_step_{{ k }} as (

    select
        subject_id,
        person_id,
        activity_order,
        occurred_at,
        step_number,
        {% for j in range(1, k) -%}
        case when {{ funnel_is_in_time(k, spec.window) }} then step_{{ j }}_at end as step_{{ j }}_at,
        {% endfor -%}
        case when {{ funnel_is_in_time(k, spec.window) }} then occurred_at end as step_{{ k }}_at,
        case when {{ funnel_is_in_time(k, spec.window) }} then entry_channel_group end as entry_channel_group
    from {{ name }}_looked_back_{{ k }}
    where step_number >= {{ k }}

),

{% endfor -%}
{{ name }}_reached as (

    {% for k in range(1, last + 1) -%}
    select
        '{{ name }}' as funnel,
        subject_id,
        person_id,
        step_number,
        entry_channel_group,
        {% for j in range(1, funnel_longest() + 1) -%}
        {{ 'step_' ~ j ~ '_at' if j <= k else 'cast(null as timestamp) as step_' ~ j ~ '_at' }}{{ ',' if not loop.last }}
        {% endfor -%}
    from {{ name }}_step_{{ k }}
    where step_number = {{ k }} and step_{{ k }}_at is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
)
{%- endmacro %}


{% macro funnel_is_in_time(step_number, window) -%}
    step_number = {{ step_number }} and occurred_at <= {{ plus_duration('step_1_at', window) }}
{%- endmacro %}


{# The number of steps of the longest funnel. #}
{% macro funnel_longest() %}
    {% set lengths = [1] %}
    {% for spec in funnel_specs().values() %}{% do lengths.append(spec.steps | length) %}{% endfor %}
    {{ return(lengths | max) }}
{% endmacro %}
