{%- if not execute %}{{ ref('customers') }}{% endif -%}
with stages as (

    {{ stage_rows() }}

),

entries as (

    select
        *,
        {{ month_before(local_date('entered_at'), 0) }} as entry_month,
        left_how in ('progressed', 'skipped') as has_progressed,
        case
            when left_how in ('progressed', 'skipped')
                then {{ seconds_between('entered_at', 'left_at') }} / 86400
        end as days_to_progress
    from {{ ref('person_stages') }}

),

segmented as (

    select *, 'all' as segment_by, 'all' as segment
    from entries
    {%- for one in stage_segments() %}

    union all

    select
        entries.*,
        {{ text_literal(one.column) }} as segment_by,
        coalesce(cast(customers.{{ one.column }} as string), '(none)') as segment
    from entries
    left join {{ ref('customers') }} as customers on entries.person_id = customers.person_id
    where entries.journey = {{ text_literal(one.journey) }}
    {%- endfor %}

),

timed as (

    select
        *,
        {{ quantile_over(
            'days_to_progress', 0.5, 'journey, stage_number, entry_month, segment_by, segment'
        ) }} as median_days,
        {{ quantile_over(
            'days_to_progress', 0.9, 'journey, stage_number, entry_month, segment_by, segment'
        ) }} as p90_days
    from segmented

),

counted as (

    select
        journey,
        stage_number,
        entry_month,
        segment_by,
        segment,
        count(*) as entered,
        count(case when has_progressed then 1 end) as progressed,
        count(case when left_how = 'went_back' then 1 end) as went_back,
        count(case when left_how = 'went_quiet' then 1 end) as went_quiet,
        count(case when left_how = 'returned' then 1 end) as returned,
        count(case when left_at is null then 1 end) as still_in,
        max(median_days) as median_days,
        max(p90_days) as p90_days
    from timed
    group by journey, stage_number, entry_month, segment_by, segment

),

passed_over as (

    select
        segmented.journey,
        stages.stage_number,
        segmented.entry_month,
        segmented.segment_by,
        segmented.segment,
        count(*) as skipped
    from segmented
    inner join stages
        on segmented.journey = stages.journey
        and segmented.stage_number > stages.stage_number
        and segmented.stage_number - segmented.stages_skipped <= stages.stage_number
    group by
        segmented.journey, stages.stage_number, segmented.entry_month,
        segmented.segment_by, segmented.segment

),

-- every stage in every month and segment in which anything of the journey happened
grid as (

    select
        stages.journey, stages.stage_number, stages.stage, stages.stage_label, shown.entry_month,
        shown.segment_by, shown.segment
    from (select distinct journey, entry_month, segment_by, segment from segmented) as shown
    inner join stages on shown.journey = stages.journey

),

targets as (

    select
        journey,
        stage,
        {{ safe_cast_as('target_rate', float64()) }} as target_rate,
        {{ safe_cast_as('target_days', float64()) }} as target_days
    from {{ list_of('stage_targets') }}

),

joined as (

    select
        grid.*,
        {%- for column in [
            'entered', 'progressed', 'went_back', 'went_quiet', 'returned', 'still_in'
        ] %}
        coalesce(counted.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        coalesce(passed_over.skipped, 0) as skipped,
        round(1e6 * counted.progressed / nullif(counted.entered, 0)) / 1e6 as rate,
        round(1e4 * counted.median_days) / 1e4 as median_days,
        round(1e4 * counted.p90_days) / 1e4 as p90_days,
        targets.target_rate,
        targets.target_days
    from grid
    left join counted
        on grid.journey = counted.journey
        and grid.stage_number = counted.stage_number
        and grid.entry_month = counted.entry_month
        and grid.segment_by = counted.segment_by
        and grid.segment = counted.segment
    left join passed_over
        on grid.journey = passed_over.journey
        and grid.stage_number = passed_over.stage_number
        and grid.entry_month = passed_over.entry_month
        and grid.segment_by = passed_over.segment_by
        and grid.segment = passed_over.segment
    left join targets on grid.journey = targets.journey and grid.stage = targets.stage

),

final as (

    select
        *,
        round(1e6 * (rate - target_rate)) / 1e6 as rate_gap,
        round(1e4 * (median_days - target_days)) / 1e4 as days_gap
    from joined

)

select * from final
