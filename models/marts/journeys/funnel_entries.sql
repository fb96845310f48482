with last_steps as (

    select
        entry_key,
        funnel,
        subject_id,
        person_id,
        channel_group,
        held,
        breakdown,
        entered_at,
        closes_at,
        step_number as step_reached
    from {{ ref('funnel_steps') }}
    where is_last_step

),

funnels as (

    {{ funnel_rows() }}

),

with_window as (

    select
        last_steps.*,
        funnels.steps,
        coalesce(
            last_steps.closes_at,
            {{ timestamp_from_micros(
                micros_of('last_steps.entered_at') ~ ' + funnels.window_micros'
            ) }}
        ) as window_ends_at
    from last_steps
    inner join funnels on last_steps.funnel = funnels.funnel

),

final as (

    select
        entry_key,
        funnel,
        subject_id,
        person_id,
        entered_at,
        window_ends_at,
        step_reached,
        case
            when step_reached = steps then 'converted'
            when window_ends_at > {{ as_of() }} then 'open'
            else 'lost'
        end as state,
        channel_group,
        held,
        breakdown
    from with_window

)

select * from final
