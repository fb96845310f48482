{# The body of a funnel_ model: one row a step, also where no subject arrived, with rates and times. #}
{% macro funnel() -%}
{%- set name = model.name[7:] -%}
{%- set steps = (config.get('meta') or {}).get('funnel', {}).get('steps', []) if execute else [] -%}
{%- set rows = [] -%}
{%- for step in steps %}{% do rows.append([loop.index, madang.text_literal(step.name)]) %}{% endfor -%}
with steps as (

    {{ madang.rows_of({'step_number': 'int64', 'step': 'string'}, rows) }}

),

entries as (

    select
        step_reached,
        count(case when state = 'lost' then 1 end) as lost_here,
        count(case when state = 'open' then 1 end) as open_here
    from {{ ref('funnel_entries') }}
    where funnel = '{{ name }}'
    group by step_reached

),

timed as (

    select
        step_number,
        {{ madang.quantile_over('seconds_from_previous', 0.5, 'step_number') }} as median_seconds,
        {{ madang.quantile_over('seconds_from_previous', 0.9, 'step_number') }} as p90_seconds
    from {{ ref('funnel_steps') }}
    where funnel = '{{ name }}'

),

reached as (

    select
        step_number,
        count(*) as subjects,
        max(median_seconds) as median_seconds_from_previous,
        max(p90_seconds) as p90_seconds_from_previous
    from timed
    group by step_number

),

joined as (

    select
        steps.step_number,
        steps.step,
        coalesce(reached.subjects, 0) as subjects,
        coalesce(entries.lost_here, 0) as lost_here,
        coalesce(entries.open_here, 0) as open_here,
        reached.median_seconds_from_previous,
        reached.p90_seconds_from_previous
    from steps
    left join reached on steps.step_number = reached.step_number
    left join entries on steps.step_number = entries.step_reached

),

with_rates as (

    select
        *,
        first_value(subjects) over (order by step_number) as first_subjects,
        lag(subjects) over (order by step_number) as previous_subjects
    from joined

),

final as (

    select
        '{{ name }}' as funnel,
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
