-- cost and visits of a campaign's day, each once; what meets nothing of the other is a row too
with costs as (

    select
        cost_date,
        channel_group,
        campaign_key,
        round(sum(cost), 4) as cost,
        count(case when is_without_rate then 1 end) as costs_without_rate,
        cast(sum(impressions) as int64) as impressions,
        cast(sum(clicks) as int64) as clicks,
        round(sum(platform_conversions), 4) as platform_conversions,
        round(sum(platform_value), 4) as platform_value
    from {{ ref('campaign_costs') }}
    group by cost_date, channel_group, campaign_key

),

visits as (

    select
        visited.session_date,
        visited.channel_group,
        links.campaign_key,
        count(*) as sessions,
        count(case when visited.traffic_kind = 'visitor' then 1 end) as visitor_sessions,
        count(case when visited.is_engaged then 1 end) as engaged_sessions
    from {{ ref('sessions') }} as visited
    inner join {{ ref('link_campaigns') }} as links
        on {{ surrogate_key(
            ['visited.source', 'visited.medium', 'visited.campaign', 'visited.campaign_id']
        ) }}
        = links.link_key
    group by visited.session_date, visited.channel_group, links.campaign_key

),

days as (

    select
        coalesce(costs.cost_date, visits.session_date) as activity_date,
        coalesce(costs.channel_group, visits.channel_group) as channel_group,
        coalesce(costs.campaign_key, visits.campaign_key) as campaign_key,
        costs.cost_date is not null as has_cost,
        coalesce(costs.cost, 0) as cost,
        coalesce(costs.costs_without_rate, 0) as costs_without_rate,
        coalesce(costs.impressions, 0) as impressions,
        coalesce(costs.clicks, 0) as clicks,
        coalesce(costs.platform_conversions, 0) as platform_conversions,
        coalesce(costs.platform_value, 0) as platform_value,
        coalesce(visits.sessions, 0) as sessions,
        coalesce(visits.visitor_sessions, 0) as visitor_sessions,
        coalesce(visits.engaged_sessions, 0) as engaged_sessions
    from costs
    full outer join visits
        on costs.cost_date = visits.session_date
        and costs.channel_group = visits.channel_group
        and costs.campaign_key = visits.campaign_key

),

campaigns as (

    select campaign_key, platform, campaign
    from {{ ref('campaign_labels') }}

),

final as (

    select
        days.activity_date,
        days.channel_group,
        days.campaign_key,
        campaigns.platform,
        campaigns.campaign,
        days.cost,
        days.costs_without_rate,
        days.impressions,
        days.clicks,
        days.platform_conversions,
        days.platform_value,
        days.sessions,
        days.visitor_sessions,
        days.engaged_sessions,
        case
            when {{ any_true('days.has_cost') }} over (partition by days.campaign_key)
                and sum(days.sessions) over (partition by days.campaign_key) > 0
                then 'cost_and_sessions'
            when days.has_cost then 'cost_alone'
            else 'sessions_alone'
        end as meets
    from days
    left join campaigns on days.campaign_key = campaigns.campaign_key

)

select * from final
