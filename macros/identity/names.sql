{#
    A key of a name without what does not count: titles (var('name_titles')), blanks, signs and
    capitals. It can show that two names differ; it never joins people. `name_words` are the words
    with single blanks; null where there are none.
#}
{% macro name_key(expression) -%}
    {{ sha256_hex(
        'nullif(' ~ regex_replace(without_titles(expression), signs_in_names(), '') ~ ", '')"
    ) }}
{%- endmacro %}

{% macro name_words(expression) -%}
    nullif(trim({{ regex_replace(without_titles(expression), signs_in_names(), ' ') }}), '')
{%- endmacro %}

{% macro signs_in_names() %}
    {{ return('[' ~ blanks() ~ '.,·/()_\\x22\\x27\\x60' ~ curly_quotes() ~ '-]+') }}
{% endmacro %}


{% macro without_titles(expression) -%}
    {%- set blank = '[' ~ blanks() ~ ']' -%}
    {%- set before, behind = var('name_titles').before | join('|'),
        var('name_titles').behind | join('|') -%}
    {{- regex_replace(
        'lower(' ~ nfkc(visible(expression)) ~ ')',
        '^' ~ blank ~ '*(?:' ~ before ~ ')(?:[.]' ~ blank ~ '*|' ~ blank ~ '+)|' ~ blank ~ '*(?:'
        ~ behind ~ ')' ~ blank ~ '*$',
        ''
    ) -}}
{%- endmacro %}


{#
    Whether two words of names, in single letters, can be one: one begins the other, or few letters
    differ. One letter may differ in Hangul and in short words, else two, which covers two swapped
    letters.
#}
{% macro is_word_alike(left, right) -%}
    (
        starts_with({{ left }}, {{ right }})
        or starts_with({{ right }}, {{ left }})
        or {{ edit_distance(left, right) }} <= case
            when greatest(length({{ left }}), length({{ right }})) < 5 then 1
            when {{ regex_matches(left, hangul_letters()) }} then 1
            else 2
        end
    )
{%- endmacro %}


{% macro hangul_letters() %}{{ return('[\\x{1100}-\\x{11ff}]') }}{% endmacro %}


{# The script of a name in single letters: two names in different scripts cannot be compared. #}
{% macro script_of(expression) -%}
    case
        when {{ regex_matches(expression, hangul_letters()) }} then 'hangul'
        when {{ regex_matches(expression, '[a-z]') }} then 'latin'
        else 'other'
    end
{%- endmacro %}
