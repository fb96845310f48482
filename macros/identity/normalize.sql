{#
    E-mail addresses and telephone numbers in one spelling, null where the text is neither. The same rules as scripts/madang/ingest/contacts.py; both
    sides are held to tests/vectors/emails.csv and tests/vectors/phones.csv.
#}
{% macro normalize_email(expression) -%}
    {%- set address = 'lower(trim(' ~ nfkc(expression) ~ '))' -%}
    case
        when {{ regex_matches(address, '^[^\\s@,;:<>()"]+@[^\\s@,;:<>()".]+([.][^\\s@,;:<>()".]+)+$') }} then {{ address }}
    end
{%- endmacro %}


{#
    E.164. Korean numbers by the national numbering plan (a trunk 0, then 10 for mobiles, 2 for Seoul, 3x to 6x for provinces, 70 for VoIP, 50x for safety
    numbers, 80 for toll-free), also behind +82, 82, 0082 or a carrier's prefix; ten digits that start with 10 are a mobile whose zero Excel dropped.
#}
{% macro normalize_phone(expression) -%}
    {%- set separators = '[\\s\\-\\x{2010}\\x{2012}-\\x{2015}\\x{2212}().\\x27\\x{200b}-\\x{200f}\\x{202a}-\\x{202e}\\x{2060}\\x{2066}-\\x{2069}\\x{feff}]+' -%}
    {%- set national = '10\\d{8}|1[16789]\\d{7,8}|2\\d{7,8}|(?:3[1-3]|4[1-4]|5[1-5]|6[1-4])\\d{7,8}|70\\d{8}|50[2-8]\\d{7,8}|80\\d{7,8}' -%}
    {%- set foreign = '[1-79]\\d{7,14}|8[0-13-9]\\d{6,13}' -%}
    {%- set foreign_by_00 = '[3-79]\\d{7,14}|8[0-13-9]\\d{6,13}' -%}
    {%- set digits = regex_replace(nfkc(expression), separators, '') -%}
    coalesce(
        '+82' || {{ regex_extract(digits, '^0(' ~ national ~ ')$') }},
        '+82' || {{ regex_extract(digits, '^(?:[+]|00(?:[12568]|[37]\\d\\d)?)?820?(' ~ national ~ ')$') }},
        '+82' || {{ regex_extract(digits, '^(10\\d{8})$') }},
        '+' || {{ regex_extract(digits, '^[+](' ~ foreign ~ ')$') }},
        '+' || {{ regex_extract(digits, '^00(' ~ foreign_by_00 ~ ')$') }}
    )
{%- endmacro %}


{# Tells two names on one telephone number apart; never joins anybody. Spaces and case do not count. #}
{% macro name_key(expression) -%}
    {{ sha256_hex(regex_replace('lower(' ~ nfkc(expression) ~ ')', '\\s', '')) }}
{%- endmacro %}


{# The SHA-256 that a source gives in place of an address or a number, in lower case; null where the text is none. The same as is_sha256 in contacts.py. #}
{% macro hash_as_given(expression) -%}
    case when {{ regex_matches(expression, '^\\s*[0-9a-fA-F]{64}\\s*$') }} then lower(trim({{ expression }})) end
{%- endmacro %}


{#
    Hashes that others make of the same address or number, by their own normalisation: Google takes the dots and the +tag out of addresses at Gmail, Meta the + off
    a number. Null where theirs is ours. `email` and `phone` are normalised already.
#}
{% macro hash_by_google(email) -%}
    case
        when {{ regex_matches(email, '^[^@]+@(gmail|googlemail)[.]com$') }} then {{ sha256_hex(
            "concat(replace(" ~ regex_extract(email, '^([^@+]+)') ~ ", '.', ''), " ~ regex_extract(email, '(@.*)$') ~ ")"
        ) }}
    end
{%- endmacro %}

{% macro hash_by_meta(phone) -%}
    {{ sha256_hex('substr(' ~ phone ~ ', 2)') }}
{%- endmacro %}
