{# Whether a moment lies in the whole days that end so many days before that of the run's clock. #}
{% macro is_within_days(column, since, until) -%}
    {{ column }} >= {{ timestamp_plus(today_began(), 0 - since, 'day') }}
    and {{ column }} < {{ timestamp_plus(today_began(), 0 - until, 'day') }}
{%- endmacro %}
