{#
    E-mail addresses, mobile numbers and national id numbers that a website sent to GA4. They are
    masked while an event is read; `has_personal_data` says so.

    Addresses are found plain or percent-encoded, also several times. Numbers begin with 010 or 82
    10, with or without separators. Longer numbers, and numbers beside a letter or digit, are ids
    and stay. National ids have their hyphen and a date of birth from 1930 to 2014, because orders
    are numbered by later days. tests/vectors/ga4_personal_data.csv has what is masked and what is
    not.
#}
{% macro ga4_email_pattern() %}
    {{ return(
        '((?:%(?:25)*[0-9A-Fa-f]{2})?)(?:[0-9A-Za-z._+-]|%(?:25)*2[Bb])+'
        ~ '(?:@|%(?:25)*40)[0-9A-Za-z-]+(?:[.][0-9A-Za-z-]+)*[.][A-Za-z]{2,}'
    ) }}
{% endmacro %}

{% macro ga4_phone_pattern() %}
    {%- set gap = '(?:[ .+-]|%(?:25)*2[0DdEe])?' -%}
    {%- set country = '[+]?82' ~ gap ~ '(?:0|[(]0[)])?' -%}
    {{ return(
        madang.ga4_before_number() ~ '(?:0|' ~ country ~ ')10' ~ gap ~ '[0-9]{4}' ~ gap ~ '[0-9]{4}'
        ~ madang.ga4_after_number()
    ) }}
{% endmacro %}

{% macro ga4_national_id_pattern() %}
    {%- set born = '(?:[3-9][0-9]|0[0-9]|1[0-4])(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])' -%}
    {{ return(ga4_before_number() ~ born ~ '-[1-8][0-9]{6}' ~ ga4_after_number()) }}
{% endmacro %}

{% macro ga4_before_number() %}
    {{ return('(^|[^0-9A-Za-z_.-]|%(?:25)*[0-9A-Fa-f]{2})') }}
{% endmacro %}

{% macro ga4_after_number() %}{{ return('($|[^0-9A-Za-z_.-]|[.-](?:$|[^0-9]))') }}{% endmacro %}


{#
    The texts that are searched beside the user id: all that come from a website, a link or a
    server. What GA4 itself fills in (device, place, channel group) is not searched. Nor is
    session_engaged, because it is shown nowhere. Names of events have letters, digits and
    underscores only.
#}
{% macro ga4_personal_texts() %}
    {% set texts = [
        'collected_source', 'collected_medium', 'collected_campaign', 'collected_campaign_id',
        'collected_term', 'collected_content', 'collected_gclid', 'collected_dclid',
        'collected_srsltid', 'last_click_source', 'last_click_medium', 'last_click_campaign',
        'last_click_campaign_id', 'ecommerce_transaction_id',
    ] %}
    {% for name, type in ga4_params().items() if type == 'string' and name != 'session_engaged' %}
        {% do texts.append(ga4_param_column(name) | trim) %}
    {% endfor %}
    {% for name, type in var('ga4_user_properties').items() if type == 'string' %}
        {% do texts.append('user_' ~ name) %}
    {% endfor %}
    {% for name in ga4_further_fields()
        if name.startswith('first_user_') or name.startswith('last_click_') %}
        {% do texts.append(name) %}
    {% endfor %}
    {{ return(texts) }}
{% endmacro %}

{#
    Whether a text holds such a thing. Every event is checked, so the pattern runs only on texts
    that pass a cheap check. The cases are nested, because DuckDB evaluates both sides of an `or` on
    every row.
#}
{% macro ga4_is_personal(text) -%}
    case
        when {{ text }} is null then false
        {%- for pattern, signs in {
            ga4_email_pattern(): ['@', '40'],
            ga4_phone_pattern(): ['010', '82'],
            ga4_national_id_pattern(): ['-'],
        }.items() %}
        when case
            when
            {% for sign in signs %}
            strpos({{ text }}, '{{ sign }}') > 0{{ ' or ' if not loop.last }}
            {% endfor %}
                then {{ regex_matches(text, pattern) }}
            else false
        end then true
        {%- endfor %}
        else false
    end
{%- endmacro %}


{#
    A text with (email), (phone) and (national_id) in their places;
    two numbers may share the sign between them, so numbers are looked for twice.
#}
{% macro ga4_masked(text) -%}
    {%- set masked = [regex_replace(text, ga4_email_pattern(), '\\1(email)')] -%}
    {%- for pattern, word in [
        (ga4_phone_pattern(), '(phone)'), (ga4_national_id_pattern(), '(national_id)')
    ] * 2 -%}
        {%- do masked.append(regex_replace(masked[-1], pattern, '\\1' ~ word ~ '\\2')) -%}
    {%- endfor -%}
    {{ masked[-1] }}
{%- endmacro %}


{#
    A user id that is or holds personal data, as a hash of what identity knows it by;
    any other as it is.
#}
{% macro ga4_masked_id(text) -%}
    {%- set plain = regex_replace(text, '%(?:25)*40', '@') -%}
    case
        when {{ ga4_is_personal(text) }}
            then concat(
                'masked:',
                {{ sha256_hex(
                    'coalesce(' ~ normalize_email(plain) ~ ', ' ~ normalize_phone(text) ~ ', lower('
                    ~ text ~ '))'
                ) }}
            )
        else {{ text }}
    end
{%- endmacro %}
