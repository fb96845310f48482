{#
    What all hits that share those columns have in common, as a key;
    the hit's own is `ga4_event_key`.
#}
{% macro ga4_hit_key() %}{{ surrogate_key(ga4_hit_columns()) }}{% endmacro %}

{% macro ga4_event_key() %}{{ ga4_key_of_hit(ga4_hit_key(), 'hit_number') }}{% endmacro %}

{% macro ga4_key_of_hit(hit_key, hit_number) -%}
    case
        when {{ hit_number }} > 1
            then {{ md5_hex('concat(' ~ hit_key ~ ", ' ', cast(" ~ hit_number ~ ' as string))') }}
        else {{ hit_key }}
    end
{%- endmacro %}


{#
    The order of a device's events as one number: first the moment. The events of one request share
    a microsecond, so page, request and place in the request follow.
#}
{% macro ga4_event_order() -%}
    {{ order_of_micros('event_timestamp') }}
        + cast(least(coalesce(batch_page_id, 0), {{ '9' * 13 }}) as {{ wide_int() }}) * 1000000000
        + least(coalesce(batch_ordering_id, 0), 99999) * 10000
        + least(coalesce(batch_event_index, 0), 9999)
{%- endmacro %}


{#
    What a session is: a device and the id that GA4 gave the session, of one property.
    Events of nobody's session have no key.
#}
{% macro ga4_session_key() -%}
    {{ surrogate_key(['property_id', 'user_pseudo_id', 'ga_session_id']) }}
{%- endmacro %}

{% macro ga4_has_session() -%}
    (user_pseudo_id is not null and ga_session_id is not null)
{%- endmacro %}
