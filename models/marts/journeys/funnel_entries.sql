{%- set specs = funnel_specs() -%}

with activities as (

    select
        subject_id,
        person_id,
        activity_order,
        occurred_at,
        action,
        object_type,
        object_id,
        object_name,
        source,
        campaign,
        coalesce(channel_group, '(none)') as channel_group
    from {{ ref('activities') }}
    where subject_id is not null

),

step_names as (

    {% for name, spec in specs.items() -%}
    {%- set last_funnel = loop.last -%}
    {% for step in spec.steps -%}
    select '{{ name }}' as funnel, {{ loop.index }} as step_number
    {{ 'union all' if not (last_funnel and loop.last) }}
    {% endfor -%}
    {% else -%}
    select 'none' as funnel, 1 as step_number
    {% endfor %}

),

-- which step of which funnel an activity is: one pass, however many funnels there are
funnel_activities as (

    select
        step_names.funnel,
        step_names.step_number,
        activities.subject_id,
        activities.person_id,
        activities.activity_order,
        activities.occurred_at,
        activities.channel_group
    from activities
    cross join step_names
    where
        case step_names.funnel
            {% for name, spec in specs.items() -%}
            when '{{ name }}' then
                case step_names.step_number
                    {% for step in spec.steps -%}
                    when {{ loop.index }} then {{ funnel_step_condition(step) }}
                    {% endfor -%}
                end
            {% else -%}
            when 'none' then false
            {% endfor -%}
            else false
        end

),

{% for name, spec in specs.items() -%}
{{ funnel_ctes(name, spec) }},

{% endfor -%}
reached as (

    {% for name in specs -%}
    select * from {{ name }}_reached
    {{ 'union all' if not loop.last }}
    {% else -%}
    select
        funnel, subject_id, person_id, step_number, channel_group as entry_channel_group, occurred_at as step_1_at
    from funnel_activities
    {% endfor %}

),

-- a subject is counted once a funnel, by the entry that came furthest; of equals, the first
furthest as (

    select *
    from reached
    qualify row_number() over (
        partition by funnel, subject_id
        order by
            step_number desc,
            {% for j in range(1, funnel_longest() + 1) %}step_{{ j }}_at{{ ', ' if not loop.last }}{% endfor %}
    ) = 1

),

final as (

    select
        {{ surrogate_key(['funnel', 'subject_id']) }} as entry_key,
        funnel,
        subject_id,
        person_id,
        step_1_at as entered_at,
        step_number as step_reached,
        case
            {% for name, spec in specs.items() -%}
            when funnel = '{{ name }}' and step_number = {{ spec.steps | length }} then 'converted'
            when funnel = '{{ name }}' and {{ plus_duration('step_1_at', spec.window) }} > {{ as_of() }} then 'open'
            {% else -%}
            when funnel = 'none' then 'open'
            {% endfor -%}
            else 'lost'
        end as state,
        entry_channel_group as channel_group,
        {% for j in range(1, funnel_longest() + 1) -%}
        step_{{ j }}_at{{ ',' if not loop.last }}
        {% endfor -%}
    from furthest

)

select * from final
