-- the drop-offs of a step are the entries that are lost there,
-- and those that are open though their application ended
with entries as (

    select
        funnel,
        step_reached as step_number,
        count(case when state = 'lost' then 1 end) as lost,
        count(case when state = 'open' and ends.application_key is not null then 1 end) as ended
    from {{ ref('funnel_entries') }} as entries
    left join {{ ref('funnel_applications') }} as applications
        on entries.entry_key = applications.entry_key
    left join {{ ref('application_ends') }} as ends
        on applications.application_key = ends.application_key
    group by funnel, step_reached

),

summed as (

    select
        funnel,
        step_number,
        sum(lost) as lost,
        sum(ended_before_the_window) as ended
    from {{ ref('funnel_dropoff_summary') }}
    group by funnel, step_number

)

select
    coalesce(entries.funnel, summed.funnel) as funnel,
    coalesce(entries.step_number, summed.step_number) as step_number,
    entries.lost,
    summed.lost as lost_in_summary,
    entries.ended,
    summed.ended as ended_in_summary
from entries
full outer join summed
    on entries.funnel = summed.funnel
    and entries.step_number = summed.step_number
where
    coalesce(entries.lost, 0) <> coalesce(summed.lost, 0)
    or coalesce(entries.ended, 0) <> coalesce(summed.ended, 0)
