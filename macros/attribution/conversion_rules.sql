{#
    The types of conversions, from config.meta.conversions of models such as `conversions` (see
    docs/attribution.md). A type names the action that is a conversion, its value, the action that
    verifies it and within how long, and the actions that take it back.
#}
{% macro conversion_specs() %}
    {% set specs = named_rules('conversions') %}
    {% for spec in specs %}
        {% do require_actions('conversions', conversion_actions([spec])) %}
    {% endfor %}
    {{ return(specs) }}
{% endmacro %}


{# All actions that the types name, each once. #}
{% macro conversion_actions(specs) %}
    {% set names = [] %}
    {% for spec in specs %}
        {% do names.append(spec.action) %}
        {% do names.extend(conversion_effects(spec).keys()) %}
    {% endfor %}
    {{ return(names | unique | list) }}
{% endmacro %}


{# What later actions do to a conversion of a type: action → verifies, takes_back or reduces. #}
{% macro conversion_effects(spec) %}
    {% set effects = {} %}
    {% for key, effect in [('taken_back_by', 'takes_back'), ('reduced_by', 'reduces')] %}
        {% for name in as_list(spec.get(key)) %}{% do effects.update({name: effect}) %}{% endfor %}
    {% endfor %}
    {% for name in as_list((spec.get('verified_by') or {}).get('action')) %}
        {% do effects.update({name: 'verifies'}) %}
    {% endfor %}
    {{ return(effects) }}
{% endmacro %}


{# A text or a list from YAML as a list; nothing as an empty one. #}
{% macro as_list(said) %}
    {{ return([] if said is none or said is undefined else [said] if said is string else said) }}
{% endmacro %}


{#
    What the types say of one thing, by type: `case conversion_type when ... end`. `values` is type
    → expression; `type` is that of nothing.
#}
{% macro by_conversion_type(values, type, column='conversion_type') -%}
    {%- if values -%}
    case {{ column }}
            {%- for name, expression in values.items() %}
            when {{ text_literal(name) }} then {{ expression }}
            {%- endfor %}
        end
    {%- else -%} cast(null as {{ type }})
    {%- endif -%}
{%- endmacro %}


{#
    A fixed amount of a rule, {amount: 100, currency: KRW}, as it stands there:
    its amount or its currency as literals by type. `key` is value or verified_value.
#}
{% macro conversion_amounts(specs, key, part) %}
    {% set found = {} %}
    {% for spec in specs %}
        {% set said = spec.value
            if key == 'value' else (spec.get('verified_by') or {}).get('value') %}
        {% if said is mapping %}
            {% do found.update({spec.name:
                'cast(' ~ said.amount ~ ' as ' ~ float64() ~ ')' if part == 'amount'
                else text_literal((said.get('currency') or var('currency')) | upper)
            }) %}
        {% endif %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    The types of which the verified amount is what the verifying action says,
    and not the conversion's own value.
#}
{% macro conversions_valued_by_outcome(specs) %}
    {% set names = [] %}
    {% for spec in specs if (spec.get('verified_by') or {}).get('value') == 'outcome' %}
        {% do names.append(spec.name) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}


{# Within how long each type is verified; types that need no verification have no deadline. #}
{% macro conversion_deadlines(specs) %}
    {% set found = {} %}
    {% for spec in specs if spec.get('verified_by') %}
        {% do found.update({spec.name: spec.verified_by.within}) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{#
    A duration of YAML ('30 days', '1 hour') behind a moment, by type; `values` is type → duration.
#}
{% macro plus_duration_by_type(expression, values) -%}
    {%- set moments = {} -%}
    {%- for name, duration in values.items() -%}
        {%- do moments.update({name: plus_duration(expression, duration)}) -%}
    {%- endfor -%}
    {{ by_conversion_type(moments, 'timestamp') }}
{%- endmacro %}


{#
    The day of the run's clock as a literal.
    What compares days with it need not be built again within a day.
#}
{% macro as_of_day() %}
    {%- if execute -%}
        {{ return(
            "date '"
            ~ run_query('select cast(' ~ local_date(as_of()) ~ ' as string) as today').rows[0][0]
            ~ "'"
        ) }}
    {%- endif -%}
    {{ return(local_date(as_of())) }}
{% endmacro %}


{#
    The moment at which that day began, in the property's time zone:
    figures of whole days stay as they are until the next one.
#}
{% macro today_began() -%}
    {{ timestamp_from_local_text('cast(' ~ as_of_day() ~ ' as string)') }}
{%- endmacro %}
