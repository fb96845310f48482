{#
    What ends entries before their window does:
    an exclusion, and the next attempt of a funnel that counts entries.
#}
{% macro funnel_closes(entries, done, said) -%}
{%- if funnel_excluded_links(said, 1) %}
stopped as (

    select entries.lane, min(done.moment) as moment
    from {{ entries }} as entries
    inner join {{ done }} as done
        on entries.lane = done.lane
        and done.kind = 1
        and done.link = entries.link_reached
        and done.moment > entries.arrived
    group by entries.lane

),
{% endif %}
{%- if said['count'] == 'entries' %}
followed as (

    select lane, lead(begun) over (partition by life order by begun) as moment
    from (
        select life, lane, min(moment) as begun
        from {{ done }}
        where kind = 0 and link = 1
        group by life, lane
    ) as attempts

),
{% endif %}
{%- endmacro %}


{#
    The moment until which an entry can go on: the end of its window, of the time to its next step,
    or what ended it. Where a later activity may be the last step reached, only the window counts.
    That is so from the second step on, unless the first entry counts.
#}
{% macro funnel_closing_moment(begun, said) -%}
    {%- set window_ends = begun ~ ' + ' ~ said.window_micros -%}
    {%- set is_fixed = said.reentry == 'first' -%}
    {%- set ends = [] -%}
    {%- for step in said.required[1:] if step.get('within') -%}
        {%- set link = said.links.index(step.name) -%}
        {%- if is_fixed or link == 1 -%}
            {%- do ends.append(
                'case when entries.link_reached = ' ~ link ~ ' then entries.arrived + '
                ~ duration_micros(step.within) ~ ' end'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if funnel_excluded_links(said, 1) -%}
        {%- do ends.append(
            'stopped.moment'
            if is_fixed else 'case when entries.link_reached = 1 then stopped.moment end'
        ) -%}
    {%- endif -%}
    {%- if said['count'] == 'entries' %}{% do ends.append('followed.moment') %}{% endif -%}
    {%- set parts = [window_ends] -%}
    {%- for end in ends %}
        {% do parts.append('coalesce(' ~ end ~ ', ' ~ window_ends ~ ')') %}
    {% endfor -%}
    {{ 'least(' ~ parts | join(', ') ~ ')' if ends else window_ends }}
{%- endmacro %}


{#
    Entries with their optional steps, as CTEs up to `filled`. An optional step is the first
    activity after the steps before it and before the next required step. After the last required
    step the window ends it.
#}
{% macro funnel_filled(entries, done, said) -%}
{%- set state = namespace(rows=entries) -%}
{%- for step in said.steps if step.get('optional') %}
{%- set n = said.names.index(step.name) + 1 -%}
{%- set before = namespace(required=none, optional=[], next=none) -%}
{%- for other in said.steps -%}
    {%- if loop.index < n -%}
        {%- if other.get('optional') %}{% do before.optional.append(loop.index) %}
        {%- else %}{% set before.required = loop.index %}{% set before.optional = [] %}{% endif -%}
    {%- elif loop.index > n and not other.get('optional') and before.next is none %}
        {% set before.next = loop.index %}
    {% endif -%}
{%- endfor %}
optional_{{ n }} as (

    select entries.lane, min(done.moment) as moment
    from {{ state.rows }} as entries
    inner join {{ done }} as done
        on entries.lane = done.lane
        and done.kind = 3
        and done.step_number = {{ n }}
        and done.moment > entries.moment_{{ before.required }}
        {%- for k in before.optional %}
        and done.moment > coalesce(entries.moment_{{ k }}, -1)
        {%- endfor %}
        and done.moment < coalesce(
            entries.moment_{{ before.next }}, entries.begun + {{ said.window_micros }} + 1
        )
        {%- if step.get('within') %}
        and done.moment - {{ duration_micros(step.within) }}
            <=
            {% for k in before.optional | reverse %}
            coalesce(entries.moment_{{ k }},
            {% endfor %}
            entries.moment_{{ before.required }}{{ ')' * (before.optional | length) }}
        {%- endif %}
    group by entries.lane

),

filled_{{ n }} as (

    select
        entries.lane,
        entries.begun,
        entries.closes,
        {%- for k in range(1, said.steps | length + 1) %}
        {{
            'optional_' ~ n ~ '.moment as moment_' ~ k if k == n else 'entries.moment_' ~ k
        }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ state.rows }} as entries
    left join optional_{{ n }} on entries.lane = optional_{{ n }}.lane

),
{% set state.rows = 'filled_' ~ n %}
{%- endfor %}
filled as (

    select *
    from {{ state.rows }}

),
{%- endmacro %}


{#
    Without the entries that an exclusion takes away whole:
    it came after its step, before the next one or else within the window.
#}
{% macro funnel_kept_entries(entries, done, said) -%}
    {%- set links = funnel_excluded_links(said, 2) -%}
    select *
    from {{ entries }}
    {%- if links %}
    where lane not in (
        select entries.lane
        from {{ entries }} as entries
        inner join {{ done }} as done on entries.lane = done.lane and done.kind = 2
        where
            {% for link in links -%}
            {%- set first = said.names.index(said.links[link - 1]) + 1 -%}
            (
                done.link = {{ link }}
                {%- if said.order == 'any' %}
                and done.moment > entries.begun
                and done.moment < entries.last_moment
                {%- else %}
                and done.moment > entries.moment_{{ first }}
                and done.moment
                    < coalesce(
                        entries.moment_{{ said.names.index(said.links[link]) + 1 }},
                        entries.begun + {{ said.window_micros }} + 1
                    )
                {%- endif %}
            )
            {{ 'or' if not loop.last }}
            {% endfor %}
    )
    {%- endif %}
{%- endmacro %}
