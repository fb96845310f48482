{{ config(materialized='view') }}

-- what became of each conversion and correction that a sync tried to report, by the ledger
with types as (

    select distinct conversion_type
    from {{ ref('online_conversions') }}

),

deliveries as (

    select
        deliveries.sync_key,
        deliveries.run_id,
        deliveries.batch_no,
        deliveries.status,
        deliveries.reason,
        deliveries.amount,
        deliveries.recorded_at,
        max(case when deliveries.status = 'accepted' then 1 else 0 end) over (
            partition by deliveries.sync_key
        ) as was_accepted,
        row_number() over (
            partition by deliveries.sync_key
            order by {{ newest_delivery_first('deliveries') }}
        ) as recency
    from {{ ref('stg_sync__deliveries') }} as deliveries
    inner join types on deliveries.field = types.conversion_type
    where deliveries.status <> 'skipped'

),

answers as (

    select run_id, batch_no, status, names_rows
    from {{ ref('stg_sync__answers') }}

),

final as (

    select
        deliveries.sync_key as upload_key,
        case
            when deliveries.status = 'accepted'
                and (answers.status = 'applied' or answers.names_rows)
                then 'applied'
            else deliveries.status
        end as fate,
        case when deliveries.status <> 'accepted' then deliveries.reason end as reason,
        deliveries.status = 'accepted'
        or (deliveries.status = 'rejected' and deliveries.was_accepted = 1) as is_taken,
        {{ safe_cast_as('deliveries.amount', float64()) }} as told_value,
        deliveries.recorded_at as told_at
    from deliveries
    left join answers
        on replace(deliveries.run_id, '-later', '') = answers.run_id
        and deliveries.batch_no = answers.batch_no
    where deliveries.recency = 1

)

select * from final
