-- who asked while at a step, and who did not: how many of each stopped there, and for which reason
with at_steps as (

    select *
    from {{ ref('funnel_step_ends') }}

),

inquired as (

    select distinct
        at_steps.entry_key,
        at_steps.step_number,
        coalesce(activities.object_name, '(none)') as inquiry_group
    from at_steps
    inner join {{ ref('activities') }} as activities
        on at_steps.person_id = activities.person_id
        and activities.action = 'inquired'
        and activities.occurred_at between at_steps.entered_at and at_steps.left_at

),

-- each reason of a step, and all of them together
stops as (

    select entry_key, funnel, step_number, reason
    from at_steps
    where reason is not null

    union all

    select entry_key, funnel, step_number, '(all)' as reason
    from at_steps
    where reason is not null

),

of_steps as (

    select funnel, step_number, min(step) as step, count(*) as entries
    from at_steps
    group by funnel, step_number

),

of_reasons as (

    select funnel, step_number, reason, count(*) as stopped
    from stops
    group by funnel, step_number, reason

),

of_groups as (

    select at_steps.funnel, at_steps.step_number, inquired.inquiry_group, count(*) as entries
    from inquired
    inner join at_steps
        on inquired.entry_key = at_steps.entry_key and inquired.step_number = at_steps.step_number
    group by at_steps.funnel, at_steps.step_number, inquired.inquiry_group

),

of_both as (

    select
        stops.funnel, stops.step_number, stops.reason, inquired.inquiry_group, count(*) as stopped
    from inquired
    inner join stops
        on inquired.entry_key = stops.entry_key and inquired.step_number = stops.step_number
    group by stops.funnel, stops.step_number, stops.reason, inquired.inquiry_group

),

tallied as (

    select
        of_groups.funnel,
        of_groups.step_number,
        of_steps.step,
        of_reasons.reason,
        of_groups.inquiry_group,
        of_groups.entries as entries_with,
        coalesce(of_both.stopped, 0) as stopped_with,
        of_steps.entries - of_groups.entries as entries_without,
        of_reasons.stopped - coalesce(of_both.stopped, 0) as stopped_without
    from of_groups
    inner join of_steps
        on of_groups.funnel = of_steps.funnel
        and of_groups.step_number = of_steps.step_number
    inner join of_reasons
        on of_groups.funnel = of_reasons.funnel
        and of_groups.step_number = of_reasons.step_number
    left join of_both
        on of_groups.funnel = of_both.funnel
        and of_groups.step_number = of_both.step_number
        and of_groups.inquiry_group = of_both.inquiry_group
        and of_reasons.reason = of_both.reason

),

-- the difference has Newcombe's hybrid score interval, made of the two Wilson intervals
final as (

    select
        funnel,
        step_number,
        step,
        reason,
        inquiry_group,
        entries_with,
        stopped_with,
        entries_without,
        stopped_without,
        {{ share_contrast('stopped', 'entries') }}
    from tallied

)

select * from final
