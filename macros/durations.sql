{# Durations as YAML says them: '30 days', '1 hour', '90 minutes'. This one as microseconds. #}
{% macro duration_micros(duration) %}
    {% set amount, unit = duration.split(' ') %}
    {% set micros = {
        'second': 1000000, 'minute': 60000000, 'hour': 3600000000, 'day': 86400000000
    } %}
    {{ return(amount | int * micros[unit.rstrip('s')]) }}
{% endmacro %}


{% macro longest_duration(durations) %}
    {% set longest = namespace(duration=none, micros=-1) %}
    {% for duration in durations if duration_micros(duration) > longest.micros %}
        {% set longest.duration = duration %}
        {% set longest.micros = duration_micros(duration) %}
    {% endfor %}
    {{ return(longest.duration) }}
{% endmacro %}


{# A timestamp and a duration later. #}
{% macro plus_duration(expression, duration) -%}
    {%- set amount, unit = duration.split(' ') -%}
    {{ timestamp_plus(expression, amount, unit.rstrip('s')) }}
{%- endmacro %}


{# A duration before the run's clock. #}
{% macro before_as_of(duration) -%} {{ plus_duration(as_of(), '-' ~ duration) }} {%- endmacro %}
