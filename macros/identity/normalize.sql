{#
    E-mail addresses and telephone numbers in one spelling, null where the text is neither. The same rules as `madang.ingest.values`; both are held to
    tests/vectors/emails.csv and tests/vectors/phones.csv.
#}
{% macro normalize_email(expression) -%}
    case
        when {{ regex_matches("lower(trim(" ~ nfc(expression) ~ "))", '^[^@\\s]+@[^@\\s.]+([.][^@\\s.]+)+$') }}
            then lower(trim({{ nfc(expression) }}))
    end
{%- endmacro %}


{# E.164. A number without a country code is Korean: a lost leading zero comes back, an international prefix becomes a plus. #}
{% macro normalize_phone(expression) -%}
    {%- set ascii = "translate(" ~ expression ~ ", '０１２３４５６７８９＋－（）　', '0123456789+-() ')" -%}
    {%- set digits = regex_replace(ascii, '[ ().\\-‐‑–—]', '') -%}
    {%- set plus = regex_replace(regex_replace(digits, '^(001|002|005|006|008|00700|00)', '+'), '^[+]820', '+82') -%}
    case
        when {{ regex_matches(plus, '^[+]82[1-9][0-9]{7,9}$') }} then {{ plus }}
        when {{ regex_matches(plus, '^[+]82') }} then null
        when {{ regex_matches(plus, '^[+][1-9][0-9]{7,14}$') }} then {{ plus }}
        when {{ regex_matches(digits, '^0[1-9][0-9]{7,9}$') }} then concat('+82', substr({{ digits }}, 2))
        when {{ regex_matches(digits, '^10[0-9]{8}$') }} then concat('+82', {{ digits }})
        when {{ regex_matches(digits, '^82[1-9][0-9]{8,9}$') }} then concat('+', {{ digits }})
    end
{%- endmacro %}


{# A personal identifier as it is stored outside the customer table: SHA-256 of its normalised form. #}
{% macro hashed_email(expression) %}{{ sha256_hex(normalize_email(expression)) }}{% endmacro %}

{% macro hashed_phone(expression) %}{{ sha256_hex(normalize_phone(expression)) }}{% endmacro %}


{# Tells two names on one telephone number apart; never joins anybody. Spaces and case do not count. #}
{% macro name_key(expression) -%}
    {{ sha256_hex(regex_replace("lower(" ~ nfc(expression) ~ ")", '\\s', '')) }}
{%- endmacro %}
