{#
    The body of a funnel_ model: one row a step, also where no subject arrived,
    with rates and times.
#}
{% macro funnel() -%}
{%- set name = model.name[7:] -%}
{%- set spec = (config.get('meta') or {}).get('funnel', {'steps': []})
    if execute else {'steps': []} -%}
{%- set rows = [] -%}
{%- for step in madang.funnel_shown_steps(spec) -%}
    {%- do rows.append(
        [loop.index, madang.text_literal(step.name), 'true' if step.get('optional') else 'false']
    ) -%}
{%- endfor -%}
with steps as (

    {{ madang.rows_of({'step_number': 'int64', 'step': 'string', 'is_optional': 'boolean'}, rows) }}

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
        steps.is_optional,
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
        {{ madang.funnel_previous_subjects() }} as previous_subjects
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



{#
    The subjects at the step before that is not optional:
    an optional step, which few may take, is not what the next one is measured by.
#}
{% macro funnel_previous_subjects(partition_by='') -%}
    last_value(case when not is_optional then subjects end ignore nulls) over (
            {{ partition_by }} order by step_number rows between unbounded preceding and 1 preceding
        )
{%- endmacro %}
