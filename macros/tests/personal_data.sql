{# Every value is a SHA-256, where `only` holds. #}
{% test hashed(model, column_name, only='true') %}
    select {{ column_name }}
    from {{ model }}
    where
        {{ only }}
        and {{ column_name }} is not null
        and not {{ madang.regex_matches('cast(' ~ column_name ~ ' as string)', '^[0-9a-f]{64}$') }}
{% endtest %}


{#
    No value holds an e-mail address or a mobile telephone number, as masking knows them. Hashes and
    UUIDs are not looked at: among millions of them some read like a number.
#}
{% test without_personal_data(model, column_name) %}
    {%- set text = 'cast(' ~ column_name ~ ' as string)' %}
    select {{ column_name }}
    from {{ model }}
    where
        not {{ madang.regex_matches(text, '^(masked:)?[0-9A-Fa-f-]{32,}$') }}
        and (
            {{ madang.regex_matches(text, '[^@ ]+@[^@ ]+[.][A-Za-z]{2,}') }}
            or {{ madang.regex_matches(text, madang.ga4_phone_pattern()) }}
        )
{% endtest %}
