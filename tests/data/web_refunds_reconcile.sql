-- every refund event is there once, with the amount that the export says
with exported as (

    select event_key, abs(coalesce(nullif(refund_value, 0), nullif(value, 0))) as amount
    from {{ ref('ga4_purchases') }}
    where event_name = 'refund'

),

flagged as (

    select event_key, reported_amount as amount
    from {{ ref('web_refunds') }}

)

select
    coalesce(exported.event_key, flagged.event_key) as event_key,
    exported.amount,
    flagged.amount as judged_amount
from exported
full outer join flagged on exported.event_key = flagged.event_key
where
    exported.event_key is null
    or flagged.event_key is null
    or coalesce(exported.amount, 0) <> coalesce(flagged.amount, 0)
