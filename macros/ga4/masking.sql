{#
    E-mail addresses and mobile telephone numbers that a website put where GA4 does not want them. They are masked while an event is read, before anything else
    sees it; `has_personal_data` says so. Found are addresses plain or percent-encoded, also twice, and numbers that begin with 010 or 82 10, with and without
    separators; not what is longer, or begins or ends with another letter or digit, for that is an id.
    tests/vectors/ga4_personal_data.csv has what is masked and what is not.
#}
{% macro ga4_email_pattern() %}
    {{ return('((?:%(?:25)?[0-9A-Fa-f]{2})?)(?:[0-9A-Za-z._+-]|%(?:25)?2[Bb])+(?:@|%(?:25)?40)[0-9A-Za-z-]+(?:[.][0-9A-Za-z-]+)*[.][A-Za-z]{2,}') }}
{% endmacro %}

{% macro ga4_phone_pattern() %}
    {%- set gap = '(?:[ .+-]|%(?:25)?2[0DdEe])?' -%}
    {%- set before = '(^|[^0-9A-Za-z_.-]|%(?:25)?[0-9A-Fa-f]{2})' -%}
    {%- set after = '($|[^0-9A-Za-z_.-]|[.-](?:$|[^0-9]))' -%}
    {%- set country = '[+]?82' ~ gap ~ '(?:0|[(]0[)])?' -%}
    {{ return(before ~ '(?:0|' ~ country ~ ')10' ~ gap ~ '[0-9]{4}' ~ gap ~ '[0-9]{4}' ~ after) }}
{% endmacro %}


{# What is looked through: the user id, and texts that a website fills from its addresses and pages. #}
{% macro ga4_personal_texts() %}
    {% set texts = ['page_location', 'page_referrer', 'page_title', 'term', 'content', 'collected_term', 'collected_content'] %}
    {% for name, type in var('ga4_params').items() if type == 'string' and ga4_param_column(name) not in texts %}
        {% do texts.append(ga4_param_column(name)) %}
    {% endfor %}
    {{ return(texts) }}
{% endmacro %}


{# Whether a text holds such a thing. The patterns are held against those texts only that pass a cheap look, for it is asked of every event. #}
{% macro ga4_is_personal(text) -%}
    {%- set signs = ['@', '010', '82'] if text == 'page_title' else ['@', '40', '010', '82'] -%}
    case
        when {% for sign in signs %}strpos({{ text }}, '{{ sign }}') > 0{{ ' or ' if not loop.last }}{% endfor %}
            then {{ regex_matches(text, ga4_email_pattern()) }} or {{ regex_matches(text, ga4_phone_pattern()) }}
        else false
    end
{%- endmacro %}


{# A text with (email) and (phone) in their places; two numbers may share the sign between them, so numbers are looked for twice. #}
{% macro ga4_masked(text) -%}
    {%- set without_emails = regex_replace(text, ga4_email_pattern(), '\\1(email)') -%}
    {%- set without_phones = regex_replace(without_emails, ga4_phone_pattern(), '\\1(phone)\\2') -%}
    {{ regex_replace(without_phones, ga4_phone_pattern(), '\\1(phone)\\2') }}
{%- endmacro %}


{# A user id that is or holds an e-mail address or a telephone number, as a hash of what identity knows it by; any other as it is. #}
{% macro ga4_masked_id(text) -%}
    {%- set plain = regex_replace(text, '%(?:25)?40', '@') -%}
    case
        when {{ ga4_is_personal(text) }}
            then concat(
                'masked:',
                {{ sha256_hex('coalesce(' ~ normalize_email(plain) ~ ', ' ~ normalize_phone(text) ~ ', lower(' ~ text ~ '))') }}
            )
        else {{ text }}
    end
{%- endmacro %}
