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


{#
    How many messages of a relation (person_id, channel, sent_at) each cap counts in its time before
    the run's clock: (person_id, cap_number, messages).
#}
{% macro messages_in_caps(sent) -%}
    select
        sent.person_id,
        caps.cap_number,
        count(*) as messages
    from {{ sent }} as sent
    inner join {{ ref('message_caps') }} as caps
        on sent.channel = caps.channel
        and {{ madang.micros_of('sent.sent_at') }}
        > {{ madang.micros_of(madang.as_of()) }} - caps.within_micros
    where sent.sent_at <= {{ madang.as_of() }}
    group by sent.person_id, caps.cap_number
{%- endmacro %}


{#
    The rows of a relation that start messages and for which a cap has no room: (sync_key, field).
    In each cap of its channel a row takes a place after the messages that were sent in the cap's
    time. Those that syncs asked for and that are not reported yet come before it, too, also by a
    clock that ran ahead. So do the person's rows with a smaller `message_place`. What this sync
    asked for before takes no second place. The relation has person_id, channel, purpose, sync_key,
    field, held_back_reason and message_place.
#}
{% macro sync_over_caps(relation) -%}
    select distinct placed.sync_key, placed.field
    from (
        select
            wanted.person_id,
            wanted.sync_key,
            wanted.field,
            caps.cap_number,
            caps.most,
            row_number() over (
                partition by wanted.person_id, caps.cap_number
                order by wanted.message_place, wanted.sync_key, wanted.field
            ) as cap_place
        from {{ relation }} as wanted
        inner join {{ ref('message_caps') }} as caps on wanted.channel = caps.channel
        left join {{ ref('requested_messages') }} as requested
            on wanted.sync_key = requested.sync_key
            and wanted.field = requested.field
            and requested.sync in ({{ madang.sync_names() }})
        where
            wanted.held_back_reason is null
            and wanted.purpose = 'marketing'
            and requested.sync_key is null
    ) as placed
    left join (
        {{ madang.messages_in_caps("(
            select person_id, channel, sent_at
            from " ~ ref('person_messages') ~ "

            union all

            select person_id, channel, least(requested_at, " ~ madang.as_of() ~ ") as sent_at
            from " ~ ref('requested_messages') ~ "
            where purpose = 'marketing' and not is_reported
        )") }}
    ) as counted
        on placed.person_id = counted.person_id
        and placed.cap_number = counted.cap_number
    where placed.cap_place + coalesce(counted.messages, 0) > placed.most
{%- endmacro %}


{#
    The rows of a sync that starts messages, each held back as message_cap where a cap has no room
    for it. `started_by` is the column that says what starts a message: audience or scenario.
#}
{% macro sync_within_caps(relation, started_by='audience') -%}
    select
        wanted.person_id,
        wanted.{{ started_by }},
        wanted.channel,
        wanted.purpose,
        wanted.sync_key,
        wanted.field,
        wanted.value,
        coalesce(
            wanted.held_back_reason, case when over_caps.sync_key is not null then 'message_cap' end
        ) as held_back_reason
    from {{ relation }} as wanted
    left join (
        {{ madang.sync_over_caps(relation) }}
    ) as over_caps
        on wanted.sync_key = over_caps.sync_key
        and wanted.field = over_caps.field
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
