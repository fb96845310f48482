{# The named actions of `actions` in the YAML of that model, those that come from GA4 events. #}
{% macro ga4_actions() %}
    {% set actions = [] %}
    {% for action in (config.get('meta') or {}).get('actions', []) if action.get('event') %}
        {% do actions.append(action) %}
    {% endfor %}
    {{ return(actions) }}
{% endmacro %}


{#
    Stops a build whose rule names an action that does not exist: it would hold for nobody, in silence. `madang check` says the same with the line and what
    was perhaps meant; this is for those who run dbt alone.
#}
{% macro require_actions(rule_of, names) %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' and node.name == 'actions' %}
        {% set known = node.config.meta.get('actions', []) | map(attribute='name') | list %}
        {% for name in names if name and name not in known %}
            {% do exceptions.raise_compiler_error(
                "The rule of " ~ rule_of ~ " names the action '" ~ name ~ "', which does not exist. Actions are defined in "
                ~ node.patch_path.split('://')[-1] ~ ": " ~ known | sort | join(', ') ~ "."
            ) %}
        {% endfor %}
    {% endfor %}
{% endmacro %}


{# One named action's condition on an event. #}
{% macro action_condition(action) -%}
    {%- set events = [action.event] if action.event is string else action.event -%}
    event_name in ({% for event in events %}{{ text_literal(event) }}{{ ', ' if not loop.last }}{% endfor %})
    {%- set path = action.get('page_path', {}) -%}
    {%- if 'equals' in path %} and page_path = {{ text_literal(path.equals) }}{% endif -%}
    {%- if 'prefix' in path %} and starts_with(page_path, {{ text_literal(path.prefix) }}){% endif -%}
    {%- if 'regex' in path %} and {{ regex_matches('page_path', path.regex) }}{% endif -%}
    {%- set types = ga4_params() -%}
    {%- for param, wanted in action.get('where', {}).items() %} and {{ equals_any(
        float_text(param) if types.get(param) == 'float64' or param == 'purchase_revenue' else param, wanted
    ) }}{% endfor -%}
{%- endmacro %}


{# `column` is one of the wanted values: a text, a number, or a list of them. #}
{% macro equals_any(column, wanted) -%}
    {%- set values = [wanted] if wanted is string or wanted is number or wanted is boolean else wanted -%}
    cast({{ column }} as string) in (
        {%- for value in values -%}
            {%- if value is boolean %}{% set value = value | string | lower -%}
            {%- elif value is float and value == value | int %}{% set value = value | int %}{% endif -%}
            {{ text_literal(value) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}


{# A literal, or the parameter that {param: name} names, as text. #}
{% macro action_field(field) -%}
    {%- if field is none -%} cast(null as string)
    {%- elif field is mapping -%} cast({{ field.param }} as string)
    {%- else -%} {{ text_literal(field) }}
    {%- endif -%}
{%- endmacro %}
