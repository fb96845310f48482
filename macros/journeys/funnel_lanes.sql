{#
    The activities that a funnel looks at, each with its lane. A lane is the subject and what the
    funnel holds. Where a funnel counts entries, the lane also has the attempt, which lasts from one
    first step to the next. An entry is looked for within a lane.
#}
{% macro funnel_lanes(activities, number, said) -%}
{%- set columns = [
    'subject_id', 'person_id', 'occurred_at', 'activity_order', 'channel_group', said.breakdown.by
] + said.held -%}
{%- if said.order == 'strict' %}{% do columns.append('place_in_life') %}{% endif -%}
{%- if said.order == 'any' %}{% do columns.append('action') %}{% endif -%}
{%- set columns = columns | unique | list -%}
{%- set parts = ['subject_id'] -%}
{%- for column in said.held %}
    {% do parts.extend(["' '", 'cast(' ~ column ~ ' as string)']) %}
{% endfor -%}
    with met as (

        {{ activities_that_meet(
            funnel_lives(activities) if said.order == 'strict' else activities,
            funnel_path_conditions(said),
            columns,
            {'step_number': 'int64', 'link': 'int64', 'kind': 'int64'}
        ) }}

    ),

    in_lives as (

        select
            {{ columns | join(', ') }},
            step_number,
            link,
            kind,
            {%- if said.held %}
            {{ "concat(" ~ parts[2:] | join(', ') ~ ")" if parts | length > 3 else parts[2] }}
                as held,
            {%- endif %}
            {{ micros_of('occurred_at') }} as moment,
            {{ micros_of('occurred_at') }} + greatest(link - 1, 0) * {{ said.tie_micros }} as turn,
            {{ fleeting_hash('subject_id') }} as life,
            {{ fleeting_hash('concat(' ~ parts | join(', ') ~ ')' if said.held else 'subject_id') }}
                as lane
        from met
        where
            {{ in_part(number) }}
            {%- for column in said.held %}
            and {{ column }} is not null
            {%- endfor %}

    )
    {%- if said['count'] == 'entries' %},

    attempted as (

        select
            *,
            count(case when kind = 0 and link = 1 then 1 end) over (
                partition by lane
                order by turn, activity_order, link desc
                rows between unbounded preceding and current row
            ) as attempt
        from in_lives

    )

    select
        {{ columns | join(', ') }},
        step_number,
        link,
        kind,
        {{ 'held,' if said.held }}
        moment,
        turn,
        lane as life,
        {{ fleeting_hash("concat(cast(lane as string), ' ', cast(attempt as string))") }} as lane
    from attempted
    where attempt > 0
    {%- else %}

    select *
    from in_lives
    {%- endif %}
{%- endmacro %}


{#
    The stream, with the place of each activity among all of its subject;
    what comes at one moment of the order has one place.
#}
{% macro funnel_lives(activities) -%}
(
            select
                *,
                dense_rank() over (partition by subject_id order by activity_order) as place_in_life
            from {{ activities }}
        )
{%- endmacro %}
