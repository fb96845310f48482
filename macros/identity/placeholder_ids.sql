{#
    Whether a text stands for no id; seeds/placeholder_ids.csv has the words. Null is none of them.
#}
{% macro is_placeholder_id(expression) -%}
    coalesce(
        {{ madang.is_listed(
            madang.placeholder_word(expression), madang.list_of('placeholder_ids'), 'placeholder'
        ) }},
        false
    )
{%- endmacro %}


{# An id, null where it is empty or a placeholder. #}
{% macro real_id(expression) -%}
    case
        when trim({{ expression }}) <> '' and not {{ madang.is_placeholder_id(expression) }}
            then {{ expression }}
    end
{%- endmacro %}


{#
    An id as placeholders are spelt: in lower case, without percent-encoding, and without quotes,
    brackets and blanks at its ends. An underscore is a blank. Zeros, points and dashes alone are 0,
    and an unfilled template is {}. Most ids are letters, digits, points and dashes only, and need
    none of it.
#}
{% macro placeholder_word(expression) -%}
    {%- set spelt = ['lower(' ~ expression ~ ')'] -%}
    {%- for pattern, sign in [
        ('%(?:25)*7b', '{'),
        ('%(?:25)*7d', '}'),
        ('%(?:25)*(?:2[0-9abce]|3[a-f]|5[b-f]|60)', ' '),
        ('[+\\s_]+', ' '),
    ] -%}
        {%- do spelt.append(madang.regex_replace(spelt[-1], pattern, sign)) -%}
    {%- endfor -%}
    {%- set template = '[{][{].*[}][}]|[$][{].*[}]|\\[\\[.*\\]\\]|<%.*%>|%%.*%%'
        ~ '|^[ "\\x27]*(?:[{][a-z. ]+[}]|%[a-z. ]+%)[ "\\x27]*$' -%}
    {%- set ends = '[\\s"\\x27`\\x{2018}-\\x{201d}(){}<>|,;:\\[\\]]+' -%}
    {%- set word = madang.regex_replace(spelt[-1], '^' ~ ends ~ '|' ~ ends ~ '$', '') -%}
    case
        when {{ madang.regex_matches(expression, '^[0-9A-Za-z.-]*[1-9A-Za-z][0-9A-Za-z.-]*$') }}
            then lower({{ expression }})
        when {{ madang.regex_matches(spelt[-1], template) }} then '{}'
        when {{ madang.regex_matches(word, '^[0.-]*$') }} then '0'
        else {{ word }}
    end
{%- endmacro %}
