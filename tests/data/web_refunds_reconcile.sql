-- per day: every refund event is there once, with the amount that the export says
with exported as (

    select property_id, event_date, count(*) as events, sum(abs(coalesce(refund_value, value, 0))) as amount
    from {{ ref('ga4_purchases') }}
    where event_name = 'refund'
    group by property_id, event_date

),

judged as (

    select property_id, event_date, count(*) as events, sum(coalesce(reported_amount, 0)) as amount
    from {{ ref('web_refunds') }}
    group by property_id, event_date

)

select
    coalesce(exported.property_id, judged.property_id) as property_id,
    coalesce(exported.event_date, judged.event_date) as event_date,
    exported.events,
    judged.events as judged_events,
    exported.amount,
    judged.amount as judged_amount
from exported
full outer join judged on exported.property_id = judged.property_id and exported.event_date = judged.event_date
where
    coalesce(exported.events, 0) <> coalesce(judged.events, 0)
    or abs(coalesce(exported.amount, 0) - coalesce(judged.amount, 0)) > 0.005
