{# One end of Wilson's 95 % interval of a share: `side` is - or +. Null where there is no trial. #}
{% macro wilson_bound(events, trials, side) -%}
    {%- set z = 1.959963984540054 -%}
    ({{ events }} + {{ z * z / 2 }}e0 {{ side }} {{ z }}e0 * sqrt(
        ({{ events }} * ({{ trials }} - {{ events }})) / cast(nullif({{ trials }}, 0) as {{ float64() }}) + {{ z * z / 4 }}e0
    )) / (nullif({{ trials }}, 0) + {{ z * z }}e0)
{%- endmacro %}


{% macro hypotenuse(a, b) -%} sqrt(({{ a }}) * ({{ a }}) + ({{ b }}) * ({{ b }})) {%- endmacro %}


{# Rounded where it is made, so that both warehouses agree to the last digit. #}
{% macro six_decimals(expression) -%} round(1e6 * ({{ expression }})) / 1e6 {%- endmacro %}
