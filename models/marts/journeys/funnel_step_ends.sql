-- how each entry of a known person left each step: by the next one, or it stopped there
with entries as (

    select entry_key, funnel, person_id, entered_at, window_ends_at
    from {{ ref('funnel_entries') }}
    where person_id is not null

),

stopped as (

    select entry_key, step_number, outcome_reason as reason, ended_at
    from {{ ref('funnel_dropoff') }}

),

steps as (

    select
        entry_key,
        step_number,
        step,
        lead(reached_at) over (partition by entry_key order by step_number) as left_at
    from {{ ref('funnel_steps') }}

),

-- an entry that may still go on from a step says nothing of it yet
final as (

    select
        entries.entry_key,
        entries.funnel,
        entries.person_id,
        steps.step_number,
        steps.step,
        stopped.reason,
        entries.entered_at,
        coalesce(steps.left_at, stopped.ended_at, entries.window_ends_at) as left_at
    from steps
    inner join entries on steps.entry_key = entries.entry_key
    left join stopped
        on steps.entry_key = stopped.entry_key
        and steps.step_number = stopped.step_number
    where steps.left_at is not null or stopped.entry_key is not null

)

select * from final
