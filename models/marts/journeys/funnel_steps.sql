{%- set specs = funnel_specs() -%}

with entries as (

    select *
    from {{ ref('funnel_entries') }}

),

step_names as (

    {% for name, spec in specs.items() -%}
    {%- set last_funnel = loop.last -%}
    {% for step in spec.steps -%}
    select '{{ name }}' as funnel, {{ loop.index }} as step_number, '{{ step.name }}' as step
    {{ 'union all' if not (last_funnel and loop.last) }}
    {% endfor -%}
    {% else -%}
    select 'none' as funnel, 1 as step_number, 'none' as step
    {% endfor %}

),

unpivoted as (

    select
        entries.entry_key,
        entries.funnel,
        entries.subject_id,
        entries.person_id,
        entries.channel_group,
        entries.state,
        entries.entered_at,
        entries.step_reached,
        step_names.step_number,
        step_names.step,
        case step_names.step_number
            {% for j in range(1, funnel_longest() + 1) %}when {{ j }} then entries.step_{{ j }}_at
            {% endfor %}
        end as reached_at,
        case step_names.step_number
            {% for j in range(2, funnel_longest() + 1) %}when {{ j }} then entries.step_{{ j - 1 }}_at
            {% else %}when 1 then cast(null as timestamp)
            {% endfor %}
            else cast(null as timestamp)
        end as previous_at
    from entries
    inner join step_names
        on entries.funnel = step_names.funnel
        and entries.step_reached >= step_names.step_number

),

final as (

    select
        {{ surrogate_key(['entry_key', 'step_number']) }} as entry_step_key,
        entry_key,
        funnel,
        step_number,
        step,
        subject_id,
        person_id,
        channel_group,
        reached_at,
        {{ seconds_between('entered_at', 'reached_at') }} as seconds_from_entry,
        {{ seconds_between('previous_at', 'reached_at') }} as seconds_from_previous,
        step_number = step_reached as is_last_step,
        state
    from unpivoted

)

select * from final
