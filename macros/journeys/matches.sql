{#
    Whether a field is as wanted: a value, a list of values, or a mapping of tests that must all
    hold. A missing value passes no test but `exists: false`. Numbers are compared as numbers, and
    with values as the text that BigQuery writes for them.
#}
{% macro field_matches(field, wanted) -%}
    {%- if wanted is not mapping -%}{%- set wanted = {'equals': wanted} -%}{%- endif -%}
    {%- set text = field_text('', field) -%}
    {%- set tests = [] -%}
    {%- for test, said in wanted.items() -%}
        {%- set values = said if said is sequence and said is not string else [said] -%}
        {%- if test in ['equals', 'not'] -%}
            {%- do tests.append(
                text ~ (' not' if test == 'not') ~ ' in (' ~ text_literals(value_texts(values))
                ~ ')'
            ) -%}
        {%- elif test == 'exists' -%}
            {%- do tests.append("coalesce(" ~ text ~ ", '')" ~ (" <> ''" if said else " = ''")) -%}
        {%- elif test in ['prefix', 'contains', 'regex'] -%}
            {%- do tests.append(any_text_matches(text, test, values)) -%}
        {%- else -%}
            {%- set sign = {
                'at_least': '>=', 'at_most': '<=', 'more_than': '>', 'less_than': '<'
            }[test] -%}
            {%- do tests.append(field.column ~ ' ' ~ sign ~ ' ' ~ said) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ tests | join(' and ') }}
{%- endmacro %}


{# One of several beginnings, parts or patterns. #}
{% macro any_text_matches(text, test, values) -%}
    {%- set tests = [] -%}
    {%- for value in values -%}
        {%- if test == 'prefix' -%}
            {%- do tests.append('starts_with(' ~ text ~ ', ' ~ text_literal(value) ~ ')') -%}
        {%- elif test == 'contains' -%}
        {%- do tests.append('strpos(' ~ text ~ ', ' ~ text_literal(value) ~ ') > 0') -%}
        {%- else -%}{%- do tests.append(regex_matches(text, value)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ '(' ~ tests | join(' or ') ~ ')' if tests | length > 1 else tests[0] }}
{%- endmacro %}


{# `column` is one of the wanted values: a text, a number, or a list of them. #}
{% macro equals_any(column, wanted) -%}
    cast({{ column }} as string) in ({{ text_literals(value_texts(wanted)) }})
{%- endmacro %}


{#
    A value from YAML, or a list of values, as texts, each once:
    a whole number without a decimal point, a truth in lower case.
#}
{% macro value_texts(wanted) %}
    {% set texts = [] %}
    {% for value in (
        [wanted] if wanted is string or wanted is number or wanted is boolean else wanted
    ) %}
        {% if value is boolean %}{% set value = value | string | lower %}
        {% elif value is float and value == value | int %}{% set value = value | int %}{% endif %}
        {% do texts.append(value | string) %}
    {% endfor %}
    {{ return(texts | unique(case_sensitive=true) | list) }}
{% endmacro %}
