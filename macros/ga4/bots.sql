{# What no visitor does, unless var('bot_limits') says otherwise. A limit that is null is not applied. #}
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


{# Colleagues: the session was on a host that only they use (var('internal_hostnames')). #}
{% macro is_internal_session() -%}
    (
        {%- for host in var('internal_hostnames') -%}
        {{ is_of_host('hostname', host) }}{{ ' or ' if not loop.last }}
        {%- else -%} false
        {%- endfor -%}
    )
{%- endmacro %}
