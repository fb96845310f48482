{# type → {days, steps}: how far a conversion's path reaches back. #}
{% macro conversion_lookbacks() %}
    {% set found = {} %}
    {% for spec in conversion_specs() %}
        {% do found.update({spec.name: {
            'days': spec.lookback.split(' ')[0] | int, 'steps': spec.get('lookback_steps')
        }}) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# How far back a path of a type reaches, from its end. #}
{% macro path_begins(expression) -%}
    {%- set moments = {} -%}
    {%- for name, reach in conversion_lookbacks().items() -%}
        {%- do moments.update({name: timestamp_plus(expression, '-' ~ reach.days, 'day')}) -%}
    {%- endfor -%}
    {{ by_conversion_type(moments, 'timestamp') }}
{%- endmacro %}
