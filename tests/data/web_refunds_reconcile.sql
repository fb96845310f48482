-- every refund event is there once, with the amount that the export says
with exported as (

    select event_key, abs(coalesce(nullif(refund_value, 0), nullif(value, 0))) as amount
    from {{ ref('ga4_purchases') }}
    where event_name = 'refund'

),

judged as (

    select event_key, reported_amount as amount
    from {{ ref('web_refunds') }}

)

select
    coalesce(exported.event_key, judged.event_key) as event_key,
    exported.amount,
    judged.amount as judged_amount
from exported
full outer join judged on exported.event_key = judged.event_key
where
    exported.event_key is null
    or judged.event_key is null
    or coalesce(exported.amount, 0) <> coalesce(judged.amount, 0)
