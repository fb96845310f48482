{#
    What no visitor does, unless var('bot_limits') says otherwise.
    A limit that is null is not applied.
#}
{% macro bot_limits() %}
    {% set limits = {
        'seconds_per_view': 2,
        'views_for_speed': 20,
        'session_views': 500,
        'device_day_sessions': 50,
        'device_day_views': 1000,
    } %}
    {% do limits.update(var('bot_limits')) %}
    {{ return(limits) }}
{% endmacro %}


{#
    Colleagues: GA4's rule for internal traffic marked an event of the session,
    or it was on a host that only they use (var('internal_hostnames')).
#}
{% macro is_internal_session() -%}
    (
        coalesce(internal_events, 0) > 0
        {%- for host in var('internal_hostnames') %}
        or {{ is_of_host('hostname', host) }}
        {%- endfor %}
    )
{%- endmacro %}
