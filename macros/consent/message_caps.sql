{#
    var('message_caps'): how many messages a person is sent at most. Each has `most`, `within` (a
    duration) and the channels that it counts together and holds; without `channels` all channels of
    messages.
#}
{% macro message_caps() %}
    {% for cap in var('message_caps') %}
        {% set unknown = cap.keys() | reject('in', ['most', 'within', 'channels']) | list %}
        {% set within = (cap.get('within') or '') | string %}
        {% if unknown
            or cap.get('most') is not integer
            or cap.most < 1
            or not modules.re.match('^[1-9][0-9]* (hour|day)s?$', within) %}
            {% do exceptions.raise_compiler_error(
                'vars.message_caps, entry ' ~ loop.index ~ ': ' ~ cap
                ~ ' cannot be read. Write it as {channels: [email], most: 3, within: 7 days}: most '
                ~ 'is a whole number from 1, within a number of hours or days, channels may be '
                ~ 'left out.'
            ) %}
        {% endif %}
    {% endfor %}
    {{ return(var('message_caps')) }}
{% endmacro %}


{#
    The reason why there is no permit; null where there is one. The first of these counts: `reason`
    of `contactability`, then a holdout, then a cap. `held_out` and `capped` are columns that are
    filled where they hold.
#}
{% macro permit_reason(reason, held_out, capped) -%}
    coalesce(
        nullif(coalesce({{ reason }}, 'no_consent'), 'allowed'),
        case when {{ held_out }} is not null then 'holdout' end,
        case when {{ capped }} is not null then 'message_cap' end
    )
{%- endmacro %}


{# The hour of the run's clock in the property's time zone. #}
{% macro hour_now() -%}
    cast(substr({{ madang.local_time_text(madang.as_of()) }}, 12, 2) as int64)
{%- endmacro %}


{#
    Whether an hour is within var('night_hours'), in the property's time zone. It is the run's hour
    by default. Marketing at night needs a consent of its own on most channels. The hours may cross
    midnight.
#}
{% macro is_night(hour=none) -%}
    {%- set hours = var('night_hours') -%}
    {%- set from_hour, to_hour = hours.get('from'), hours.get('to') -%}
    {%- if from_hour is not integer
        or to_hour is not integer
        or from_hour not in range(24)
        or to_hour not in range(25) -%}
        {%- do exceptions.raise_compiler_error(
            'vars.night_hours: ' ~ hours
            ~ ' cannot be read. Write it as {from: 21, to: 8}, whole hours of the day.'
        ) -%}
    {%- endif -%}
    {%- set hour = hour or madang.hour_now() -%}
    (
        {{ hour }} >= {{ from_hour }}
        {{ 'or' if from_hour > to_hour else 'and' }} {{ hour }} < {{ to_hour }}
    )
{%- endmacro %}
