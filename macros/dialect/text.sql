{# Text primitives: regular expressions (RE2 on both warehouses), hashes, Unicode. #}

{% macro regex_matches(expression, pattern) %}
    {{- adapter.dispatch('regex_matches', 'madang')(expression, pattern) -}}
{% endmacro %}

{% macro default__regex_matches(expression, pattern) -%}
    regexp_contains({{ expression }}, {{ madang.regex_literal(pattern) }})
{%- endmacro %}

{% macro duckdb__regex_matches(expression, pattern) -%}
    regexp_matches({{ expression }}, {{ madang.regex_literal(pattern) }})
{%- endmacro %}


{# The first capturing group, null where nothing matches. #}
{% macro regex_extract(expression, pattern) %}
    {{- adapter.dispatch('regex_extract', 'madang')(expression, pattern) -}}
{% endmacro %}

{% macro default__regex_extract(expression, pattern) -%}
    regexp_extract({{ expression }}, {{ madang.regex_literal(pattern) }})
{%- endmacro %}

{% macro duckdb__regex_extract(expression, pattern) -%}
    nullif(regexp_extract({{ expression }}, {{ madang.regex_literal(pattern) }}, 1), '')
{%- endmacro %}


{# Every match replaced. #}
{% macro regex_replace(expression, pattern, replacement) %}
    {{- adapter.dispatch('regex_replace', 'madang')(expression, pattern, replacement) -}}
{% endmacro %}

{% macro default__regex_replace(expression, pattern, replacement) -%}
    regexp_replace(
        {{ expression }},
        {{ madang.regex_literal(pattern) }},
        {{ madang.text_literal(replacement) }}
    )
{%- endmacro %}

{% macro duckdb__regex_replace(expression, pattern, replacement) -%}
    regexp_replace(
        {{ expression }},
        {{ madang.regex_literal(pattern) }},
        {{ madang.text_literal(replacement) }},
        'g'
    )
{%- endmacro %}


{# A pattern as a literal. BigQuery reads backslashes in plain literals, so it gets a raw one. #}
{% macro regex_literal(pattern) -%}
    {{ return(adapter.dispatch('regex_literal', 'madang')(pattern)) }}
{%- endmacro %}

{% macro default__regex_literal(pattern) -%}
    {{ return("r'" ~ pattern | replace("'", "\\x27") ~ "'") }}
{%- endmacro %}

{% macro duckdb__regex_literal(pattern) -%}
    {{ return("'" ~ pattern | replace("'", "''") ~ "'") }}
{%- endmacro %}


{# Any text from YAML as a literal. #}
{% macro text_literal(value) -%}
    {{ return(adapter.dispatch('text_literal', 'madang')(value | string)) }}
{%- endmacro %}

{% macro default__text_literal(value) -%}
    {{ return("'" ~ value | replace("\\", "\\\\") | replace("'", "\\'") ~ "'") }}
{%- endmacro %}

{% macro duckdb__text_literal(value) -%}
    {{ return("'" ~ value | replace("'", "''") ~ "'") }}
{%- endmacro %}


{# A list of texts as literals with commas between them; a list of nothing is the empty text. #}
{% macro text_literals(values) -%}
    {%- for value in values %}{{ madang.text_literal(
        value
    ) }}{{ ', ' if not loop.last }}{% else %}''{% endfor -%}
{%- endmacro %}


{# 64 lower-case hexadecimal digits; null stays null. #}
{% macro sha256_hex(expression) -%}
    {{ adapter.dispatch('sha256_hex', 'madang')(expression) }}
{%- endmacro %}

{% macro default__sha256_hex(expression) %}to_hex(sha256({{ expression }})){% endmacro %}

{% macro duckdb__sha256_hex(expression) %}sha256({{ expression }}){% endmacro %}


{% macro md5_hex(expression) %}{{ adapter.dispatch('md5_hex', 'madang')(expression) }}{% endmacro %}

{% macro default__md5_hex(expression) %}to_hex(md5({{ expression }})){% endmacro %}

{% macro duckdb__md5_hex(expression) %}md5({{ expression }}){% endmacro %}


{# Canonical composition, so that one name has one spelling. #}
{% macro nfc(expression) %}{{ adapter.dispatch('nfc', 'madang')(expression) }}{% endmacro %}

{% macro default__nfc(expression) %}normalize({{ expression }}, nfc){% endmacro %}

{% macro duckdb__nfc(expression) %}nfc_normalize({{ expression }}){% endmacro %}


{# The same with a pattern that is a column. #}
{% macro regex_matches_column(expression, pattern) %}
    {{- adapter.dispatch('regex_matches_column', 'madang')(expression, pattern) -}}
{% endmacro %}

{% macro default__regex_matches_column(expression, pattern) -%}
    regexp_contains({{ expression }}, {{ pattern }})
{%- endmacro %}

{% macro duckdb__regex_matches_column(expression, pattern) -%}
    regexp_matches({{ expression }}, {{ pattern }})
{%- endmacro %}


{#
    Compatibility composition: full-width letters, digits and signs become plain ones.
    DuckDB composes and maps the full-width block by hand.
#}
{% macro nfkc(expression) %}{{ adapter.dispatch('nfkc', 'madang')(expression) }}{% endmacro %}

{% macro default__nfkc(expression) %}normalize({{ expression }}, nfkc){% endmacro %}

{% macro duckdb__nfkc(expression) -%}
    {%- set wide = '　！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠'
        ~ 'ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～' -%}
    {%- set plain = ' !"#$%&\'()*+,-./0123456789:;<=>?@'
        ~ 'ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~' -%}
    translate(
        nfc_normalize({{ expression }}),
        {{ madang.text_literal(wide) }},
        {{ madang.text_literal(plain) }}
    )
{%- endmacro %}


{#
    The number of letters to insert, delete or change to make one text the other. DuckDB counts
    bytes, so the letters of both texts are first replaced by ASCII letters (at most 95 different
    ones).
#}
{% macro edit_distance(left, right) -%}
    {{ adapter.dispatch('edit_distance', 'madang')(left, right) }}
{%- endmacro %}

{% macro default__edit_distance(left, right) %}edit_distance({{ left }}, {{ right }}){% endmacro %}

{% macro duckdb__edit_distance(left, right) -%}
    {%- set letters = "array_to_string(list_sort(list_distinct(regexp_extract_all(concat(" ~ left
        ~ ", " ~ right ~ "), '(?s).'))), '')" -%}
    {%- set ascii = "array_to_string("
        ~ "list_transform(range(32, 127), lambda code: chr(code::int32)), '')" -%}
    levenshtein(
        translate({{ left }}, {{ letters }}, {{ ascii }}),
        translate({{ right }}, {{ letters }}, {{ ascii }})
    )
{%- endmacro %}


{#
    A text with Hangul's syllables as their letters and without accents.
    DuckDB has no canonical decomposition: the syllables are taken apart by their numbers.
#}
{% macro single_letters(expression) -%}
    {{ adapter.dispatch('single_letters', 'madang')(expression) }}
{%- endmacro %}

{% macro default__single_letters(expression) -%}
    regexp_replace(normalize({{ expression }}, nfd), r'[\x{300}-\x{36f}]', '')
{%- endmacro %}

{% macro duckdb__single_letters(expression) -%}
    array_to_string(list_transform(string_split(strip_accents({{ expression }}), ''),
    lambda letter: case
        when letter between '가' and '힣' then concat(
            chr(4352 + (unicode(letter) - 44032) // 588),
            chr(4449 + (unicode(letter) - 44032) % 588 // 28),
            case
                when (unicode(letter) - 44032) % 28 > 0
                    then chr(4519 + (unicode(letter) - 44032) % 28)
                else ''
            end
        )
        else letter
    end), '')
{%- endmacro %}
