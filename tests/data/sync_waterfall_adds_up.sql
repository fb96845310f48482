-- of the last plan of each sync: no loss is below zero, each step is what the ledger has,
-- and a sent plan left nothing
with history as (

    select *
    from {{ ref('audience_history') }}
    qualify planned_at = max(planned_at) over (partition by sync)

),

waterfall as (

    select
        plan_id,
        audience,
        channel,
        min(counted) as least,
        sum(case step when 'matched' then counted end) as matched,
        sum(case step when 'identified' then counted end) as identified,
        sum(case step when 'fresh' then counted end) as fresh,
        sum(case step when 'planned' then counted end) as planned,
        sum(case step when 'applied' then counted end) as applied,
        sum(case reason when 'not_sent' then counted end) as not_sent
    from {{ ref('sync_waterfall') }}
    group by plan_id, audience, channel

),

-- what is taken away is no part of the waterfall
applied as (

    select plan_id, audience, channel, sum(row_count) as row_count
    from {{ ref('stg_sync__run_counts') }}
    where status = 'applied' and operation <> 'remove'
    group by plan_id, audience, channel

)

select history.plan_id, history.audience, history.channel
from history
left join waterfall
    on history.plan_id = waterfall.plan_id
    and history.audience = waterfall.audience
    and history.channel = waterfall.channel
left join applied
    on history.plan_id = applied.plan_id
    and history.audience = applied.audience
    and history.channel = applied.channel
where
    coalesce(waterfall.least, -1) < 0
    or waterfall.matched <> history.candidates
    or waterfall.identified <> history.size
    or waterfall.fresh <> history.allowed
    or waterfall.planned <> history.added + history.changed
    or waterfall.applied <> coalesce(applied.row_count, 0)
    or (history.status in ('succeeded', 'partial') and coalesce(waterfall.not_sent, 0) <> 0)
