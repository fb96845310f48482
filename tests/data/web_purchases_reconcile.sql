-- every purchase event is there once, and what counts and what does not add up to what the export says
with staged as (

    select count(*) as events, coalesce(sum(purchase_revenue), 0) as revenue
    from {{ ref('ga4_purchases') }}
    where event_name = 'purchase'

),

judged as (

    select
        count(*) as events,
        coalesce(sum(case when order_status = 'counted' then revenue end), 0) as counted,
        coalesce(sum(case when order_status in ('duplicate', 'no_revenue') then revenue end), 0) as excluded
    from {{ ref('web_purchases') }}

)

select staged.events, judged.events as judged_events, staged.revenue, judged.counted, judged.excluded
from staged
cross join judged
where staged.events <> judged.events or abs(staged.revenue - judged.counted - judged.excluded) > 0.005
