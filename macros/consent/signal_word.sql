{#
    A word of a source as consent_signal_rules writes it: "Preference Center" is preference_center.
#}
{% macro signal_word(expression) -%}
    lower({{ madang.regex_replace('trim(' ~ expression ~ ')', '[ -]+', '_') }})
{%- endmacro %}
