{#
    A 128-bit key over several columns, as 32 hexadecimal digits.
    Columns are joined by the unit separator and nulls by a token of their own, so that ('a', 'bc')
    and ('ab', 'c'), or null and '', never meet.
#}
{% macro surrogate_key(expressions) -%}
    {%- set parts = [] -%}
    {%- for expression in expressions -%}
        {%- do parts.append("coalesce(cast(" ~ expression ~ " as string), chr(30))") -%}
    {%- endfor -%}
    {{ madang.md5_hex("concat(" ~ parts | join(", chr(31), ") ~ ")") }}
{%- endmacro %}
