-- what advertising cost by day, as the platforms say it now
with versions as (

    select *
    from {{ ref('stg_ads__cost_versions') }}

),

first_said as (

    select cost_key, cost as first_cost
    from versions
    where version_number = 1

),

current_versions as (

    select versions.*, {{ fx_rate('versions') }} as fx_rate
    from versions
    {{ join_fx_rates('versions', 'versions.cost_date') }}
    where versions.known_to is null

),

final as (

    select
        versions.cost_key,
        versions.platform,
        versions.account_id,
        versions.account_name,
        versions.account_time_zone,
        versions.campaign_id,
        versions.campaign,
        versions.ad_group_id,
        versions.ad_group,
        versions.cost_date,
        versions.currency,
        versions.cost,
        {{ converted('versions.cost', 'versions.fx_rate') }} as reporting_cost,
        versions.impressions,
        versions.clicks,
        versions.platform_conversions,
        versions.platform_value,
        first_said.first_cost,
        versions.version_number - 1 as restatements,
        versions.known_from
    from current_versions as versions
    left join first_said on versions.cost_key = first_said.cost_key

)

select * from final
