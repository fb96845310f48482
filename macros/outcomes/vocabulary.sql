{#
    A word as lists compare it: without blanks and invisible signs, in lower case and one width.
    scripts/madang/ingest/checks/values.py folds the same; a test holds the two to each other.
#}
{% macro word_key(expression) -%}
    lower({{ madang.regex_replace(
        madang.nfkc(madang.visible(expression)), '[' ~ madang.blanks() ~ ']+', ''
    ) }})
{%- endmacro %}


{#
    The list of a seed by the key of its words: word_key and the columns that say what a word stands
    for. Of two words that are spelt alike the first by name counts.
#}
{% macro words_of(seed, columns) -%}
    select {{ word_key('word') }} as word_key,
    {% for column in columns %}
    min({{ column }}) as {{ column }}{{ ', ' if not loop.last }}
    {% endfor %}
    from {{ seed }}
    group by 1
{%- endmacro %}


{# A text that people typed, with addresses, telephone numbers and national ids masked. #}
{% macro masked_text(expression) -%}
    case
        when {{ ga4_is_personal(expression) }} then {{ ga4_masked(expression) }}
        else {{ expression }}
    end
{%- endmacro %}

