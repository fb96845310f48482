{#
    The order of activities as one number: the moment, then a place among the events of one
    microsecond (see ga4_event_order). Every stream uses it, so a visit comes after the application
    that was sent online.
#}
{% macro order_of_micros(micros) -%}
    cast({{ micros }} as {{ wide_int() }}) * cast('1{{ '0' * 22 }}' as {{ wide_int() }})
{%- endmacro %}
