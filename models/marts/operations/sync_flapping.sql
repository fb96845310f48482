{{ config(materialized='view') }}

-- what was taken away at a destination and given back within 30 days:
-- it costs again where additions cost
with moves as (

    select
        sync,
        sync_key,
        field,
        operation,
        recorded_at,
        lag(operation) over by_ledger as operation_before,
        lag(recorded_at) over by_ledger as recorded_before
    from {{ ref('stg_sync__deliveries') }}
    where status = 'accepted' and operation in ('add', 'remove')
    window by_ledger as (
        partition by sync, sync_key, field order by coalesce(ledger_no, 0), recorded_at, run_id
    )

),

with_return as (

    select
        *,
        case
            when operation = 'add' and operation_before = 'remove'
                and {{ seconds_between('recorded_before', 'recorded_at') }} <= 30 * 86400
                then {{ seconds_between('recorded_before', 'recorded_at') }}
        end as seconds_away
    from moves

),

final as (

    select
        sync,
        field,
        count(distinct sync_key) as sent_keys,
        count(distinct case when seconds_away is not null then sync_key end) as flapping_keys,
        count(seconds_away) as returns,
        cast(ceil(max(seconds_away) / 86400) as int64) as longest_days_away,
        max(case when seconds_away is not null then recorded_at end) as last_return_at
    from with_return
    group by sync, field

)

select * from final
