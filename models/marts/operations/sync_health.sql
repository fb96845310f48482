{{ config(materialized='view') }}

with syncs as (

    {{ declared_syncs() }}

),

plans as (

    select sync, created_at, status
    from {{ ref('stg_sync__plans') }}

),

runs as (

    select run_id, sync, started_at, finished_at, status
    from {{ ref('stg_sync__runs') }}

),

of_plans as (

    select
        sync,
        max(created_at) as last_planned_at,
        max(case when status = 'empty' then created_at end) as last_empty_at
    from plans
    group by sync

),

of_runs as (

    select
        sync,
        count(*) as runs,
        count(case when status = 'succeeded' then 1 end) as succeeded_runs,
        count(case when status = 'partial' then 1 end) as partial_runs,
        count(case when status in ('failed', 'interrupted') then 1 end) as failed_runs,
        max(started_at) as last_run_at,
        max(case when status in ('succeeded', 'partial') then finished_at end) as last_success_at
    from runs
    group by sync

),

-- what a destination took, and has not said yet whether it did it
waiting as (

    select runs.sync, sum(batches.objects) as waiting_objects
    from {{ ref('stg_sync__batches') }} as batches
    inner join runs on batches.run_id = runs.run_id
    left join {{ ref('stg_sync__answers') }} as answers
        on batches.run_id = answers.run_id and batches.batch_no = answers.batch_no
    where batches.answers_later and batches.remote_reference is not null and answers.run_id is null
    group by runs.sync

),

unknown as (

    select sync, sum(row_count) as unknown_rows
    from {{ ref('stg_sync__run_counts') }}
    where status = 'unknown'
    group by sync

),

-- a plan with nothing to send says that the destination has what it should have, as a run does
with_age as (

    select
        syncs.sync,
        syncs.destination,
        syncs.cadence,
        syncs.cadence_hours,
        coalesce(of_runs.runs, 0) as runs,
        coalesce(of_runs.succeeded_runs, 0) as succeeded_runs,
        coalesce(of_runs.partial_runs, 0) as partial_runs,
        coalesce(of_runs.failed_runs, 0) as failed_runs,
        of_plans.last_planned_at,
        of_runs.last_run_at,
        greatest(
            coalesce(of_runs.last_success_at, of_plans.last_empty_at),
            coalesce(of_plans.last_empty_at, of_runs.last_success_at)
        ) as last_success_at,
        cast(coalesce(waiting.waiting_objects, 0) as int64) as waiting_objects,
        cast(coalesce(unknown.unknown_rows, 0) as int64) as unknown_rows
    from syncs
    left join of_plans on syncs.sync = of_plans.sync
    left join of_runs on syncs.sync = of_runs.sync
    left join waiting on syncs.sync = waiting.sync
    left join unknown on syncs.sync = unknown.sync

),

final as (

    select
        *,
        round(1e4 * (succeeded_runs + partial_runs) / nullif(runs, 0)) / 1e4 as success_share,
        -- a pinned clock may be before the sending
        case
            when cadence_hours is null or last_success_at is null then null
            when last_success_at > {{ as_of() }} then 0
            when {{ seconds_between('last_success_at', as_of()) }} > 3600 * cadence_hours
                then round(
                    100 * ({{ seconds_between('last_success_at', as_of()) }} / 3600 - cadence_hours)
                ) / 100
            else 0
        end as hours_late
    from with_age

)

select * from final
