{#
    The entries of a funnel whose steps may come in any order, as CTEs up to `filled`. An entry
    begins with any step, and has the next activity of each step within the window, up to an
    exclusion. An activity that can be several steps is the first of them.
#}
{% macro funnel_any_entries(done, said) -%}
{%- set steps = range(1, said.steps | length + 1) | list -%}
{%- set is_excluded = funnel_excluded_links(said, 1) | length > 0 -%}
single as (

    select lane, {{ 'life,' if said.chooser == 'life' }} step_number, kind, moment, activity_order
    from {{ done }}
    where kind in (0, 1)
    qualify
        row_number() over (partition by lane, activity_order, action, kind order by step_number) = 1

),

-- what comes at one moment counts for all that begin there
ahead as (

    select
        *,
        {%- if is_excluded %}
        last_value(case when kind = 1 then moment end ignore nulls) over from_here as excluded_at,
        {%- endif %}
        {%- for j in steps %}
        last_value(
            case when kind = 0 and step_number = {{ j }} then moment end ignore nulls
        ) over from_here as next_{{ j }}{{ ',' if not loop.last }}
        {%- endfor %}
    from single
    window from_here as (
        partition by lane
        order by moment desc, activity_order desc, kind, step_number desc
        rows between unbounded preceding and current row
    )

),

within_window as (

    select
        lane,
        {{ said.chooser }} as chooser,
        moment as begun,
        {%- for j in steps %}
        case
            when next_{{ j }} - {{ said.window_micros }} <= moment{{
                ' and next_' ~ j ~ ' < coalesce(excluded_at, next_' ~ j ~ ' + 1)' if is_excluded
            }}
                then next_{{ j }}
        end as moment_{{ j }}{{ ',' if not loop.last }}
        {%- endfor %}
    from ahead
    where kind = 0

),

counted as (

    select
        *,
        {% for j in steps %}
        case when moment_{{ j }} is null then 0 else 1 end{{ ' + ' if not loop.last }}
        {% endfor %} as step_reached,
        greatest(
            {% for j in steps %}
            coalesce(moment_{{ j }}, begun){{ ', ' if not loop.last }}
            {% endfor %}
        ) as last_moment
    from within_window

),

filled as (

    select *, begun + {{ said.window_micros }} as closes
    from counted
    qualify row_number() over (
        partition by chooser
        order by
            {{ {
                'first': 'begun',
                'best': 'step_reached desc, begun',
                'optimized': 'step_reached desc, last_moment, begun desc'
            }[said.reentry] }}
    ) = 1

),
{%- endmacro %}
