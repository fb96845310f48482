{#
    E-mail addresses and telephone numbers in one spelling, null where the text is neither. The same
    rules as scripts/madang/ingest/checks/contacts.py; both sides are held to
    tests/vectors/emails.csv and tests/vectors/phones.csv. Quotes, brackets, a name or `mailto:`
    around an address do not count.
#}
{% macro normalize_email(expression) -%}
    {%- set never = madang.blanks() ~ '\\x00-\\x1f\\x7f-\\x9f\\x{fffd}@,;:<>()\\[\\]\\x22'
        ~ madang.curly_quotes() -%}
    {%- set label = '[^' ~ never ~ '\\x27\\x60.?/]+' -%}
    {%- set around = madang.blanks() ~ '<>()\\[\\]\\x22\\x27\\x60' ~ madang.curly_quotes() -%}
    {{- madang.regex_extract(
        'lower(' ~ madang.nfkc(madang.visible(expression)) ~ ')',
        '^(?:[^<>@]*<)?[' ~ around ~ ']*(?:mailto:)?[' ~ around ~ ']*([^' ~ never ~ ']+@' ~ label
        ~ '(?:[.]' ~ label ~ ')+)'
        ~ '(?:[?][^' ~ madang.blanks() ~ '@<>]*)?[' ~ around ~ ',;]*$'
    ) -}}
{%- endmacro %}


{#
    A telephone number in E.164. Korean numbers follow the national numbering plan. After the trunk
    0 come 10 for mobiles, 2 for Seoul, 3x to 6x for provinces, 70 for VoIP, 50x for safety numbers,
    80 for toll-free. They may stand behind +82, 82, 0082 or a carrier's prefix. Ten digits that
    start with 10 are a mobile whose zero Excel dropped.

    A zero in brackets behind a country's code is dialled inside that country alone. The zero of
    Italy and its neighbours belongs to the number.
#}
{% macro normalize_phone(expression) -%}
    {%- set separator = '[' ~ madang.blanks() ~ madang.invisible_signs()
        ~ '\\-\\x{2010}-\\x{2015}\\x{2212}().\\x22\\x27\\x60' ~ madang.curly_quotes() ~ ']' -%}
    {%- set abroad = separator ~ '*(?:[+]|0' ~ separator ~ '*0)' ~ separator ~ '*' -%}
    {%- set italy = '3' ~ separator ~ '*(?:9|7' ~ separator ~ '*[89])' ~ separator ~ '*' -%}
    {%- set code = '[1-9](?:' ~ separator ~ '*\\d){0,2}' ~ separator ~ '*' -%}
    {%- set zero = '\\([' ~ madang.blanks() ~ madang.invisible_signs() ~ ']*0[' ~ madang.blanks()
        ~ madang.invisible_signs() ~ ']*\\)' -%}
    {%- set national = '10\\d{8}|1[16789]\\d{7,8}|2\\d{7,8}|(?:3[1-3]|4[1-4]|5[1-5]|6[1-4])\\d{7,8}'
        ~ '|70\\d{8}|50[2-8]\\d{7,8}|80\\d{7,8}' -%}
    {%- set foreign = '[1-79]\\d{7,14}|8[0-13-9]\\d{6,13}' -%}
    {%- set foreign_by_00 = '[3-79]\\d{7,14}|8[0-13-9]\\d{6,13}' -%}
    {%- set number = madang.regex_replace(
        madang.nfkc(expression),
        '(?i)^[' ~ madang.blanks() ~ madang.invisible_signs() ~ ']*tel:',
        ''
    ) -%}
    {%- set number = madang.regex_replace(number, '^(' ~ abroad ~ italy ~ ')' ~ zero, '\\10') -%}
    {%- set number = madang.regex_replace(number, '^(' ~ abroad ~ code ~ ')' ~ zero, '\\1') -%}
    {%- set digits = madang.regex_replace(number, separator ~ '+', '') -%}
    coalesce(
        '+82' || {{ madang.regex_extract(digits, '^0(' ~ national ~ ')$') }},
        '+82' || {{ madang.regex_extract(
            digits, '^(?:[+]|00(?:[12568]|[37]\\d\\d)?)?820?(' ~ national ~ ')$'
        ) }},
        '+82' || {{ madang.regex_extract(digits, '^(10\\d{8})$') }},
        '+' || {{ madang.regex_extract(digits, '^[+](' ~ foreign ~ ')$') }},
        '+' || {{ madang.regex_extract(digits, '^00(' ~ foreign_by_00 ~ ')$') }}
    )
{%- endmacro %}


{#
    The SHA-256 that a source gives in place of an address or a number, in lower case;
    null where the text is none. The same as is_sha256 in contacts.py.
#}
{% macro hash_as_given(expression) -%}
    case
        when {{ regex_matches(expression, '^\\s*[0-9a-fA-F]{64}\\s*$') }}
            then lower(trim({{ expression }}))
    end
{%- endmacro %}


{#
    Hashes that others make by their own normalisation. Google removes dots and the +tag from Gmail
    addresses. Meta removes the + of a number. Null where theirs is ours. `email` and `phone` are
    normalised already.
#}
{% macro hash_by_google(email) -%}
    case
        when (ends_with({{ email }}, '@gmail.com') or ends_with({{ email }}, '@googlemail.com'))
            and {{ madang.regex_matches(email, '^[^@]+@[^@]+$') }} then {{ madang.sha256_hex(
            "concat(replace(" ~ madang.regex_extract(email, '^([^@+]+)') ~ ", '.', ''), "
            ~ madang.regex_extract(email, '(@.*)$') ~ ")"
        ) }}
    end
{%- endmacro %}

{% macro hash_by_meta(phone) -%}
    {{ madang.sha256_hex('substr(' ~ phone ~ ', 2)') }}
{%- endmacro %}
