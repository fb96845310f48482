{# Time primitives. On both warehouses a `timestamp` is an instant in UTC. #}

{% macro timestamp_from_micros(expression) -%}
    {{ adapter.dispatch('timestamp_from_micros', 'madang')(expression) }}
{%- endmacro %}

{% macro default__timestamp_from_micros(expression) -%}
    timestamp_micros({{ expression }})
{%- endmacro %}

{% macro duckdb__timestamp_from_micros(expression) %}make_timestamp({{ expression }}){% endmacro %}


{# An ISO 8601 text with an offset, read as an instant; null where it cannot be read. #}
{% macro timestamp_from_text(expression) -%}
    {{ adapter.dispatch('timestamp_from_text', 'madang')(expression) }}
{%- endmacro %}

{% macro default__timestamp_from_text(expression) -%}
    safe_cast({{ expression }} as timestamp)
{%- endmacro %}

{% macro duckdb__timestamp_from_text(expression) -%}
    cast(try_cast({{ expression }} as timestamptz) at time zone 'UTC' as timestamp)
{%- endmacro %}


{#
    A wall-clock text of a time zone, read as an instant:
    the project's, or the one that the SQL expression `zone` names.
#}
{% macro timestamp_from_local_text(expression, zone=none) %}
    {{- adapter.dispatch('timestamp_from_local_text', 'madang')(
        expression, zone or text_literal(var('timezone'))
    ) -}}
{% endmacro %}

{% macro default__timestamp_from_local_text(expression, zone) -%}
    timestamp(safe_cast({{ expression }} as datetime), {{ zone }})
{%- endmacro %}

{% macro duckdb__timestamp_from_local_text(expression, zone) -%}
    cast((
        try_cast({{ expression }} as timestamp) at time zone {{ zone }}
    ) at time zone 'UTC' as timestamp)
{%- endmacro %}


{#
    The date of an instant in a time zone:
    the project's, or the one that the SQL expression `zone` names.
#}
{% macro local_date(expression, zone=none) %}
    {{- adapter.dispatch('local_date', 'madang')(
        expression, zone or madang.text_literal(var('timezone'))
    ) -}}
{% endmacro %}

{% macro default__local_date(expression, zone) %}date({{ expression }}, {{ zone }}){% endmacro %}

{% macro duckdb__local_date(expression, zone) -%}
    cast(({{ expression }} at time zone 'UTC') at time zone {{ zone }} as date)
{%- endmacro %}


{# An instant as text of the project's wall clock, such as 2026-10-31 09:30:00. #}
{% macro local_time_text(expression) %}
    {{- adapter.dispatch('local_time_text', 'madang')(
        expression, madang.text_literal(var('timezone'))
    ) -}}
{% endmacro %}

{% macro default__local_time_text(expression, zone) -%}
    format_timestamp('%Y-%m-%d %H:%M:%S', {{ expression }}, {{ zone }})
{%- endmacro %}

{% macro duckdb__local_time_text(expression, zone) -%}
    strftime(({{ expression }} at time zone 'UTC') at time zone {{ zone }}, '%Y-%m-%d %H:%M:%S')
{%- endmacro %}


{% macro date_from_suffix(expression) -%}
    {{ adapter.dispatch('date_from_suffix', 'madang')(expression) }}
{%- endmacro %}

{% macro default__date_from_suffix(expression) -%}
    parse_date('%Y%m%d', {{ expression }})
{%- endmacro %}

{% macro duckdb__date_from_suffix(expression) -%}
    cast(strptime({{ expression }}, '%Y%m%d') as date)
{%- endmacro %}


{# `amount` is a whole number; `unit` is microsecond, second, minute, hour or day (of 24 hours). #}
{% macro timestamp_plus(expression, amount, unit) %}
    {{- adapter.dispatch('timestamp_plus', 'madang')(expression, amount, unit) -}}
{% endmacro %}

{% macro default__timestamp_plus(expression, amount, unit) -%}
    timestamp_add({{ expression }}, interval {{ amount }} {{ unit }})
{%- endmacro %}

{% macro duckdb__timestamp_plus(expression, amount, unit) -%}
    ({{ expression }} + interval ({{ amount }}) {{ unit }})
{%- endmacro %}


{# A date so many days later; `days` is a whole number. #}
{% macro date_plus(expression, days) -%}
    {{ adapter.dispatch('date_plus', 'madang')(expression, days) }}
{%- endmacro %}

{% macro default__date_plus(expression, days) -%}
    date_add({{ expression }}, interval {{ days }} day)
{%- endmacro %}

{% macro duckdb__date_plus(expression, days) %}({{ expression }} + {{ days }}){% endmacro %}


{# The first day of the month that lies so many months before that of a day. #}
{% macro month_before(day, months) -%}
    {{ adapter.dispatch('month_before', 'madang')(day, months) }}
{%- endmacro %}

{% macro default__month_before(day, months) -%}
    date_sub(date_trunc({{ day }}, month), interval ({{ months }}) month)
{%- endmacro %}

{% macro duckdb__month_before(day, months) -%}
    cast(date_trunc('month', {{ day }}) - to_months({{ months }}) as date)
{%- endmacro %}


{# The Monday of a day's week. #}
{% macro week_of(day) -%}{{ adapter.dispatch('week_of', 'madang')(day) }}{%- endmacro %}

{% macro default__week_of(day) %}date_trunc({{ day }}, isoweek){% endmacro %}

{% macro duckdb__week_of(day) %}cast(date_trunc('week', {{ day }}) as date){% endmacro %}


{# Days from one date to a later one. #}
{% macro days_between(earlier, later) -%}
    {{ adapter.dispatch('days_between', 'madang')(earlier, later) }}
{%- endmacro %}

{% macro default__days_between(earlier, later) -%}
    date_diff({{ later }}, {{ earlier }}, day)
{%- endmacro %}

{% macro duckdb__days_between(earlier, later) %}({{ later }} - {{ earlier }}){% endmacro %}


{# Seconds from the first instant to the second, with fractions. #}
{% macro seconds_between(earlier, later) %}
    {{- adapter.dispatch('seconds_between', 'madang')(earlier, later) -}}
{% endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    timestamp_diff({{ later }}, {{ earlier }}, microsecond) / 1e6
{%- endmacro %}

{% macro duckdb__seconds_between(earlier, later) -%}
    (epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1e6
{%- endmacro %}


{#
    The run's clock as a literal: the one that it is pinned to,
    or the moment at which the run started.
#}
{% macro as_of() %}
    {%- set moment = madang.pinned_clock() or run_started_at.strftime('%Y-%m-%dT%H:%M:%S+00:00') -%}
    {{- madang.timestamp_from_text("'" ~ moment ~ "'") -}}
{% endmacro %}


{#
    A moment after every other, for an end that is open and a time that is not known.
    A join on `end is null or …` would compare each row with each.
#}
{% macro far_future() -%} timestamp '9999-01-01 00:00:00' {%- endmacro %}


{# Microseconds since 1970, as GA4 counts them. #}
{% macro micros_of(expression) -%}
    {{ adapter.dispatch('micros_of', 'madang')(expression) }}
{%- endmacro %}

{% macro default__micros_of(expression) %}unix_micros({{ expression }}){% endmacro %}

{% macro duckdb__micros_of(expression) %}epoch_us({{ expression }}){% endmacro %}


{#
    A row for each date from one to another, both included, to be cross joined:
    in it `name` is the date.
#}
{% macro dates_between(first, last, name) -%}
    {{ adapter.dispatch('dates_between', 'madang')(first, last, name) }}
{%- endmacro %}

{% macro default__dates_between(first, last, name) -%}
    unnest(generate_date_array({{ first }}, {{ last }})) as {{ name }}
{%- endmacro %}

{% macro duckdb__dates_between(first, last, name) -%}
    unnest(
        cast(generate_series({{ first }}, {{ last }}, interval 1 day) as date[])
    ) as dates ({{ name }})
{%- endmacro %}
