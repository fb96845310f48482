{#
    A user id of GA4 or Braze as the CRM writes customer numbers. var('user_id_spelling') says what
    to remove: `blanks` at both ends (true, false) and a `prefix` (such as `web-`, in any case).
    `case` is upper, lower or as_it_is. Null where nothing is left.
#}
{% macro customer_number_of(user_id) -%}
    {%- set spelling = {'blanks': true, 'prefix': '', 'case': 'as_it_is'} -%}
    {%- do spelling.update(var('user_id_spelling')) -%}
    {%- if spelling | length > 3 or spelling.case not in ['upper', 'lower', 'as_it_is'] -%}
        {%- do exceptions.raise_compiler_error(
            "vars.user_id_spelling takes blanks (true or false), prefix (a text) and case (upper, "
            ~ "lower or as_it_is), not "
            ~ tojson(var('user_id_spelling')) ~ "."
        ) -%}
    {%- endif -%}
    {%- set off = [] -%}
    {%- if spelling.blanks -%}
        {%- do off.append('^[' ~ blanks() ~ ']+|[' ~ blanks() ~ ']+$') -%}
    {%- endif -%}
    {%- if spelling.prefix -%}
        {%- do off.append('(?i)^' ~ modules.re.escape(spelling.prefix)) -%}
    {%- endif -%}
    {%- set left = [user_id] -%}
    {%- for pattern in off -%}
        {%- do left.append(regex_replace(left[-1], pattern, '')) -%}
    {%- endfor -%}
    {%- set cased = left[-1]
        if spelling.case == 'as_it_is' else spelling.case ~ '(' ~ left[-1] ~ ')' -%}
    nullif({{ cased }}, '')
{%- endmacro %}
