-- every cost with a rate, every click and every session is in campaign_days, once
with told as (

    select
        round(sum(cost), 2) as cost,
        sum(costs_without_rate) as costs_without_rate,
        sum(clicks) as clicks,
        round(sum(platform_conversions), 2) as platform_conversions,
        sum(sessions) as sessions
    from {{ ref('campaign_days') }}

),

costs as (

    select
        round(sum(reporting_cost), 2) as cost,
        count(case when reporting_cost is null and cost <> 0 then 1 end) as costs_without_rate,
        sum(clicks) as clicks,
        round(sum(platform_conversions), 2) as platform_conversions
    from {{ ref('stg_ads__costs') }}

),

visits as (

    select count(*) as sessions
    from {{ ref('sessions') }}

)

select
    told.*,
    costs.cost as reported_cost,
    costs.costs_without_rate as reported_without_rate,
    costs.clicks as reported_clicks,
    costs.platform_conversions as reported_conversions,
    visits.sessions as all_sessions
from told
cross join costs
cross join visits
where
    abs(coalesce(told.cost, 0) - coalesce(costs.cost, 0)) > 1
    or coalesce(told.costs_without_rate, 0) <> costs.costs_without_rate
    or coalesce(told.clicks, 0) <> coalesce(costs.clicks, 0)
    or coalesce(told.platform_conversions, 0) <> coalesce(costs.platform_conversions, 0)
    or coalesce(told.sessions, 0) <> visits.sessions
