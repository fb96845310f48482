{{ config(materialized='view') }}

with plans as (

    select
        plan_id, sync, created_at, crm_as_of, adds, changes, removes, unchanged, held_back, status
    from {{ ref('stg_sync__plans') }}

),

runs as (

    select
        plan_id, run_id, ledger_no, destination, started_at,
        finished_at, status, accepted, rejected, skipped, requests
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

counts as (

    select
        plan_id,
        sum(case when status = 'applied' then row_count else 0 end) as applied,
        sum(case when status = 'unknown' then row_count else 0 end) as unknown,
        sum(case when status <> 'skipped' then row_count else 0 end) as sent
    from {{ ref('stg_sync__run_counts') }}
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
        plans.adds + plans.changes + plans.removes as planned,
        coalesce(sent.runs, 0) as runs,
        coalesce(sent.accepted, 0) as accepted,
        coalesce(sent.rejected, 0) as rejected,
        coalesce(sent.skipped, 0) as skipped,
        cast(counts.sent as int64) as sent,
        cast(counts.applied as int64) as applied,
        cast(counts.unknown as int64) as unknown,
        coalesce(sent.requests, 0) as requests,
        sent.started_at,
        sent.finished_at,
        plans.crm_as_of
    from plans
    left join sent on plans.plan_id = sent.plan_id
    left join counts on plans.plan_id = counts.plan_id

)

select * from final
