{# One end of Wilson's 95 % interval of a share: `side` is - or +. Null where there is no trial. #}
{% macro wilson_bound(events, trials, side) -%}
    {%- set z = 1.959963984540054 -%}
    ({{ events }} + {{ z * z / 2 }}e0 {{ side }} {{ z }}e0 * sqrt(
        ({{ events }} * ({{ trials }} - {{ events }}))
        / cast(nullif({{ trials }}, 0) as {{ float64() }})
        + {{ z * z / 4 }}e0
    )) / (nullif({{ trials }}, 0) + {{ z * z }}e0)
{%- endmacro %}


{#
    A share with Wilson's 95 % interval: three columns.
    Null where there is no trial, or where `only` does not hold.
#}
{% macro rate_columns(name, events, trials, only=none) -%}
    {%- set shares = {
        name: events ~ ' / nullif(' ~ trials ~ ', 0)',
        name ~ '_low': wilson_bound(events, trials, '-'),
        name ~ '_high': wilson_bound(events, trials, '+'),
    } -%}
    {%- for column, share in shares.items() %}
    {{ 'case when ' ~ only ~ ' then ' if only }}{{ six_decimals(share) }}{{ ' end' if only }}
        as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}


{#
    One end of Newcombe's 95 % interval of a difference of two shares, made of their two Wilson
    intervals: `side` is - or +. Null where one of them has no trial.
#}
{% macro newcombe_bound(events, trials, other_events, other_trials, side) -%}
    {%- set rate, other_rate = events ~ ' / nullif(' ~ trials ~ ', 0)',
        other_events ~ ' / nullif(' ~ other_trials ~ ', 0)' -%}
    {%- set other_side = '+' if side == '-' else '-' -%}
    {{ rate }} - {{ other_rate }} {{ side }} {{ hypotenuse(
        rate ~ ' - ' ~ wilson_bound(events, trials, side),
        other_rate ~ ' - ' ~ wilson_bound(other_events, other_trials, other_side)
    ) }}
{%- endmacro %}


{#
    Columns that compare the share of those with something and of those without it: rate_with,
    rate_without, lift, difference, difference_low, difference_high, each after `prefix`. `events`
    and `trials` begin the names of the counts: `<events>_with`, `<events>_without`,
    `<trials>_with`, `<trials>_without`.
#}
{% macro share_contrast(events, trials, prefix='') -%}
    {%- set counts = [
        events ~ '_with', trials ~ '_with', events ~ '_without', trials ~ '_without'
    ] -%}
    {%- set rate_with = counts[0] ~ ' / nullif(' ~ counts[1] ~ ', 0)' -%}
    {%- set rate_without = counts[2] ~ ' / nullif(' ~ counts[3] ~ ', 0)' -%}
    {{ six_decimals(rate_with) }} as {{ prefix }}rate_with,
        {{ six_decimals(rate_without) }} as {{ prefix }}rate_without,
        {{ six_decimals('(' ~ rate_with ~ ') / nullif(' ~ rate_without ~ ', 0)') }}
            as {{ prefix }}lift,
        {{ six_decimals(rate_with ~ ' - ' ~ rate_without) }} as {{ prefix }}difference,
        {{ six_decimals(newcombe_bound(*counts, side='-')) }} as {{ prefix }}difference_low,
        {{ six_decimals(newcombe_bound(*counts, side='+')) }} as {{ prefix }}difference_high
{%- endmacro %}


{#
    One end of the 95 % interval of a rate of events per time (Byar's approximation of the exact
    one): `side` is - or +. Null where there is no time.
#}
{% macro poisson_bound(events, time, side) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set n = '(' ~ events ~ ' + 1)' if side == '+' else events -%}
    {%- set part = '(1 - 1 / (9e0 * nullif(' ~ n ~ ', 0)) ' ~ side ~ ' ' ~ z
        ~ 'e0 / (3e0 * sqrt(nullif(' ~ n ~ ', 0))))' -%}
    case
        when {{ time }} > 0
            then coalesce({{ n }} * {{ part }} * {{ part }} * {{ part }}, 0) / {{ time }}
    end
{%- endmacro %}


{% macro hypotenuse(a, b) -%} sqrt(({{ a }}) * ({{ a }}) + ({{ b }}) * ({{ b }})) {%- endmacro %}


{# Rounded where it is made, so that both warehouses agree to the last digit. #}
{% macro six_decimals(expression) -%} round(1e6 * ({{ expression }})) / 1e6 {%- endmacro %}
