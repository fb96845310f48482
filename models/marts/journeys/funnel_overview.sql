{%- set specs = funnel_specs() -%}

-- every step of every funnel, also where nobody arrived
with steps as (

    {% for name, spec in specs.items() -%}
    {% set is_last_funnel = loop.last -%}
    {% for step in funnel_shown_steps(spec) -%}
    select
        {{ text_literal(name) }} as funnel,
        {{ text_literal(spec.label) }} as label,
        {{ text_literal(funnel_settings(spec).window) }} as time_window,
        {{ loop.index }} as step_number,
        {{ text_literal(step.name) }} as step,
        {{ text_literal(step.get('label', step.name)) }} as step_label,
        {{ 'true' if step.get('optional') else 'false' }} as is_optional
    {{ 'union all' if not (loop.last and is_last_funnel) }}
    {% endfor -%}
    {% else -%}
    select
        cast(null as string) as funnel,
        cast(null as string) as label,
        cast(null as string) as time_window,
        0 as step_number,
        cast(null as string) as step,
        cast(null as string) as step_label,
        false as is_optional
    from {{ ref('funnel_entries') }}
    where false
    {% endfor %}

),

timed as (

    select
        funnel,
        step_number,
        {{ quantile_over('seconds_from_previous', 0.5, 'funnel, step_number') }} as median_seconds
    from {{ ref('funnel_steps') }}

),

reached as (

    select
        funnel,
        step_number,
        count(*) as subjects,
        max(median_seconds) as median_seconds_from_previous
    from timed
    group by funnel, step_number

),

ended as (

    select
        funnel,
        step_reached,
        count(case when state = 'lost' then 1 end) as lost_here,
        count(case when state = 'open' then 1 end) as open_here
    from {{ ref('funnel_entries') }}
    group by funnel, step_reached

),

joined as (

    select
        steps.*,
        coalesce(reached.subjects, 0) as subjects,
        reached.median_seconds_from_previous,
        coalesce(ended.lost_here, 0) as lost_here,
        coalesce(ended.open_here, 0) as open_here
    from steps
    left join reached on steps.funnel = reached.funnel and steps.step_number = reached.step_number
    left join ended on steps.funnel = ended.funnel and steps.step_number = ended.step_reached

),

compared as (

    select
        *,
        first_value(subjects) over (partition by funnel order by step_number) as first_subjects,
        {{ funnel_previous_subjects('partition by funnel') }} as previous_subjects
    from joined

),

final as (

    select
        funnel,
        label,
        time_window,
        step_number,
        step,
        step_label,
        subjects,
        subjects / nullif(first_subjects, 0) as rate_from_first,
        subjects / nullif(previous_subjects, 0) as rate_from_previous,
        median_seconds_from_previous,
        lost_here,
        open_here
    from compared

)

select * from final
