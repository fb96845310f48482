{#
    One funnel that says more than its steps and its window: one row per entry and step that it
    reached, with the columns of funnel_steps. docs/funnels.md says what the words mean. Nothing is
    in the SQL for what the funnel does not say.
#}
{% macro funnel_paths(activities, number, name, spec) -%}
{%- set said = funnel_settings(spec) -%}
{%- set steps = said.steps | length -%}
{%- set names = [] -%}
{%- for step in said.names %}
    {% do names.append('when ' ~ loop.index ~ ' then ' ~ text_literal(step)) %}
{% endfor -%}
with done as (

    {{ funnel_lanes(activities, number, said) }}

),

{{ funnel_any_entries('done', said) if said.order == 'any' else funnel_ordered_entries(
    'done', said
) }}

kept as (

    {{ funnel_kept_entries('filled', 'done', said) }}

),

-- the steps of each entry; in any order they have the numbers in which they came
placed as (

    select
        kept.lane,
        kept.begun,
        kept.closes,
        place,
        {{ 'row_number() over (partition by kept.lane order by ' ~ funnel_moment(
            'place', steps
        ) ~ ', place)' if said.order == 'any' else 'place' }} as step_number,
        {{ funnel_moment('place', steps) }} as done_at
    from kept
    cross join {{ rows_of_array(range(1, steps + 1) | list, 'place') }}
    where {{ funnel_moment('place', steps) }} is not null

),

-- a tolerance lets a step lie a little before the one that it follows: it is reached with that one
path as (

    select
        *,
        max(done_at) over (partition by lane order by step_number) as reached,
        min(step_number) over (partition by lane) as first_step,
        max(step_number) over (partition by lane) as last_step
    from placed

),

described as (

    select
        path.lane,
        min(done.subject_id) as subject_id,
        count(done.person_id) > 0 as is_person,
        {{ 'min(done.held)' if said.held else 'cast(null as string)' }} as held,
        coalesce(
            min(case when path.step_number = path.first_step then done.channel_group end), '(none)'
        ) as channel_group,
        coalesce(
            min(case
                when {{ funnel_breakdown_step(said) }}
                    then cast(done.{{ said.breakdown.by }} as string)
            end),
            '(none)'
        ) as breakdown
    from path
    inner join done
        on path.lane = done.lane
        and path.place = done.step_number
        and path.done_at = done.moment
    group by path.lane

)

select
    {{ surrogate_key([text_literal(name), 'described.subject_id'] + funnel_key_of_entry(said)) }}
        as entry_key,
    {{ text_literal(name) }} as funnel,
    cast(path.step_number as int64) as step_number,
    case path.place {{ names | join(' ') }} end as step,
    described.subject_id,
    case when described.is_person then described.subject_id end as person_id,
    described.channel_group,
    {{ timestamp_from_micros('path.begun') }} as entered_at,
    {{ timestamp_from_micros('path.reached') }} as reached_at,
    (path.reached - path.begun) / 1e6 as seconds_from_entry,
    (path.reached - lag(path.reached) over (partition by path.lane order by path.step_number)) / 1e6
        as seconds_from_previous,
    path.step_number = path.last_step as is_last_step,
    described.held,
    described.breakdown,
    {{ timestamp_from_micros('path.closes') }} as closes_at
from path
inner join described on path.lane = described.lane
{%- endmacro %}


{# Which step of an entry its breakdown is taken from. #}
{% macro funnel_breakdown_step(said) -%}
    {%- set at = said.breakdown.get('at', 'first') -%}
    {%- if at in ['first', 'last'] -%} path.step_number = path.{{ at }}_step
    {%- else -%} path.place = {{ said.names.index(at) + 1 }}
    {%- endif -%}
{%- endmacro %}


{# What tells the entries of one subject apart. #}
{% macro funnel_key_of_entry(said) %}
    {% set more = ['described.held'] if said.held and said['count'] != 'persons' else [] %}
    {{ return(more + (['path.begun'] if said['count'] == 'entries' else [])) }}
{% endmacro %}
