{{ config(materialized='view') }}

with plans as (

    select plan_id, sync, created_at, adds, changes, removes, unchanged, held_back, status
    from {{ ref('stg_sync__plans') }}

),

runs as (

    select
        plan_id, run_id, ledger_no, destination, started_at, finished_at, status, accepted, rejected, skipped, requests
    from {{ ref('stg_sync__runs') }}

),

-- a plan that was resumed has several runs
sent as (

    select
        plan_id,
        max(destination) as destination,
        count(*) as runs,
        {{ first_by('started_at', 'run_order') }} as started_at,
        {{ last_by('finished_at', 'run_order') }} as finished_at,
        {{ last_by('status', 'run_order') }} as status,
        cast(sum(accepted) as int64) as accepted,
        cast(sum(rejected) as int64) as rejected,
        cast(sum(skipped) as int64) as skipped,
        cast(sum(requests) as int64) as requests
    from (
        select
            *,
            row_number() over (
                partition by plan_id order by coalesce(ledger_no, 0), started_at, run_id
            ) as run_order
        from runs
    ) as ordered
    group by plan_id

),

final as (

    select
        plans.plan_id,
        plans.sync,
        sent.destination,
        plans.created_at as planned_at,
        coalesce(sent.status, plans.status) as status,
        plans.adds,
        plans.changes,
        plans.removes,
        plans.unchanged,
        plans.held_back,
        coalesce(sent.runs, 0) as runs,
        coalesce(sent.accepted, 0) as accepted,
        coalesce(sent.rejected, 0) as rejected,
        coalesce(sent.skipped, 0) as skipped,
        coalesce(sent.requests, 0) as requests,
        sent.started_at,
        sent.finished_at
    from plans
    left join sent on plans.plan_id = sent.plan_id

)

select * from final
