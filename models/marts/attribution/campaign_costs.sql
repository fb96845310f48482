-- what advertising cost, in the project's currency and on both days,
-- with the campaign that it paid for
with costs as (

    select costs.*, {{ fx_rate('costs') }} as fx_rate
    from {{ ref('stg_ads__costs') }} as costs
    {{ join_fx_rates('costs', 'costs.cost_date') }}

),

keyed as (

    select
        costs.*,
        names.ad_campaign_key
    from costs
    left join {{ ref('ad_campaign_names') }} as names
        on costs.platform = names.platform
        and coalesce(costs.account_id, '') = coalesce(names.account_id, '')
        and coalesce(costs.campaign_id, '') = coalesce(names.campaign_id, '')
        and costs.campaign = names.campaign

),

campaigns as (

    select ad_campaign_key, campaign_key, campaign, channel_group, match_method
    from {{ ref('ad_campaigns') }}

),

final as (

    select
        keyed.cost_key,
        keyed.platform,
        keyed.account_id,
        keyed.account_name,
        keyed.account_time_zone,
        campaigns.campaign_key,
        keyed.ad_campaign_key,
        keyed.campaign_id,
        keyed.campaign as reported_campaign,
        campaigns.campaign,
        keyed.ad_group_id,
        keyed.ad_group,
        campaigns.channel_group,
        campaigns.match_method,
        keyed.cost_date as platform_date,
        {{ workspace_date('keyed.cost_date', 'keyed.account_time_zone') }} as cost_date,
        keyed.cost as cost_in_currency,
        keyed.currency,
        keyed.reporting_cost as cost,
        {{ converted('keyed.first_cost', 'keyed.fx_rate') }} as first_cost,
        keyed.fx_rate is null and keyed.cost <> 0 as is_without_rate,
        keyed.impressions,
        keyed.clicks,
        keyed.platform_conversions,
        {{ converted('keyed.platform_value', 'keyed.fx_rate') }} as platform_value,
        keyed.restatements,
        keyed.known_from
    from keyed
    left join campaigns on keyed.ad_campaign_key = campaigns.ad_campaign_key

)

select * from final
