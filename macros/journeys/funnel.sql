{# The body of a funnel_ model: one row a step, also where nobody arrived, with rates and times. #}
{% macro funnel() -%}
{%- set name = model.name[7:] -%}
{%- set spec = config.get('meta')['funnel'] if execute else {'steps': []} -%}
with entry_steps as (

    select
        step_number,
        seconds_from_previous,
        is_last_step,
        state,
        {{ madang.quantile_over('seconds_from_previous', 0.5, 'step_number') }} as median_seconds,
        {{ madang.quantile_over('seconds_from_previous', 0.9, 'step_number') }} as p90_seconds
    from {{ ref('funnel_steps') }}
    where funnel = '{{ name }}'

),

step_names as (

    {% for step in spec.steps -%}
    select {{ loop.index }} as step_number, '{{ step.name }}' as step
    {{ 'union all' if not loop.last }}
    {% else -%}
    select 1 as step_number, 'none' as step
    {% endfor %}

),

counted as (

    select
        step_number,
        count(*) as subjects,
        count(case when is_last_step and state = 'lost' then 1 end) as lost_here,
        count(case when is_last_step and state = 'open' then 1 end) as open_here,
        max(median_seconds) as median_seconds_from_previous,
        max(p90_seconds) as p90_seconds_from_previous
    from entry_steps
    group by step_number

),

with_rates as (

    select
        '{{ name }}' as funnel,
        step_names.step_number,
        step_names.step,
        coalesce(counted.subjects, 0) as subjects,
        first_value(coalesce(counted.subjects, 0)) over (order by step_names.step_number) as first_subjects,
        lag(counted.subjects) over (order by step_names.step_number) as previous_subjects,
        coalesce(counted.lost_here, 0) as lost_here,
        coalesce(counted.open_here, 0) as open_here,
        counted.median_seconds_from_previous,
        counted.p90_seconds_from_previous
    from step_names
    left join counted on step_names.step_number = counted.step_number

),

final as (

    select
        funnel,
        step_number,
        step,
        subjects,
        subjects / nullif(first_subjects, 0) as rate_from_first,
        subjects / nullif(previous_subjects, 0) as rate_from_previous,
        lost_here,
        open_here,
        median_seconds_from_previous,
        p90_seconds_from_previous
    from with_rates

)

select * from final
{%- endmacro %}
