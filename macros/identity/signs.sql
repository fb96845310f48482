{#
    A text without invisible signs: Unicode's signs of format, variation selectors, Hangul fillers,
    tag characters, and the blank of Braille. scripts/madang/ingest/checks/signs.py has the same
    list; a test holds the two to each other.
#}
{% macro visible(expression) -%}
    {{- madang.regex_replace(expression, '[' ~ madang.invisible_signs() ~ ']+', '') -}}
{%- endmacro %}


{# For use inside the brackets of a pattern. #}
{% macro invisible_signs() -%}
    {{- return(
        '\\x{ad}\\x{34f}\\x{600}-\\x{605}\\x{61c}\\x{6dd}\\x{70f}\\x{890}\\x{891}\\x{8e2}\\x{115f}'
        ~ '\\x{1160}\\x{17b4}\\x{17b5}\\x{180b}-\\x{180f}\\x{200b}-\\x{200f}\\x{202a}-\\x{202e}'
        ~ '\\x{2060}-\\x{206f}\\x{2800}\\x{3164}\\x{fe00}-\\x{fe0f}\\x{feff}\\x{ffa0}'
        ~ '\\x{fff0}-\\x{fffb}\\x{110bd}\\x{110cd}\\x{13430}-\\x{1343f}\\x{1bca0}-\\x{1bca3}'
        ~ '\\x{1d173}-\\x{1d17a}\\x{e0000}-\\x{e0fff}'
    ) -}}
{%- endmacro %}


{# Blanks, for use inside the brackets of a pattern: \s alone knows those of ASCII. #}
{% macro blanks() -%}
    {{ return(
        '\\s\\x0b\\x1c-\\x1f\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}'
        ~ '\\x{205f}\\x{3000}'
    ) }}
{%- endmacro %}


{# Quotes other than those of ASCII, for use inside the brackets of a pattern. #}
{% macro curly_quotes() -%}
    {{ return(
        '\\x{2018}-\\x{201f}\\x{2039}\\x{203a}\\x{ab}\\x{bb}\\x{300c}-\\x{300f}\\x{3008}-\\x{300b}'
    ) }}
{%- endmacro %}
