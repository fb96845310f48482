{%- set platforms = ['google', 'meta', 'naver', 'kakao', 'tiktok'] -%}
{%- set figures = ['cost', 'impressions', 'clicks', 'platform_conversions', 'platform_value'] -%}

-- what each platform said of a day, and from when until when that was what we knew
with reports as (

    {% for platform in platforms -%}
    select *
    from {{ ref('base_ads__' ~ platform) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

with_account as (

    select
        reports.* replace (coalesce(currency, {{ ads_account_setting('currency') }}) as currency),
        coalesce(account_time_zone, {{ ads_account_setting('timezone') }}) as time_zone,
        {{ surrogate_key([
            'platform', 'account_id', 'coalesce(campaign_id, campaign)', 'coalesce(ad_group_id, ad_group)', 'cost_date',
        ]) }} as cost_key
    from reports

),

-- a report may have a row an ad, a device, a network: of one file they add up
summed as (

    select
        cost_key,
        platform,
        cost_date,
        file_sha256,
        loaded_at,
        account_id,
        max(account_name) as account_name,
        max(time_zone) as account_time_zone,
        max(campaign_id) as campaign_id,
        max(campaign) as campaign,
        max(ad_group_id) as ad_group_id,
        max(ad_group) as ad_group,
        max(currency) as currency,
        {% for figure in figures -%}
        sum({{ figure }}) as {{ figure }}{{ ',' if not loop.last }}
        {% endfor %}
    from with_account
    group by cost_key, platform, cost_date, file_sha256, loaded_at, account_id

),

-- the same figures again are no other version
compared as (

    select
        *,
        {{ surrogate_key(figures + ['currency']) }} as figures_key,
        lag({{ surrogate_key(figures + ['currency']) }}) over (
            partition by cost_key order by loaded_at, file_sha256
        ) as previous_figures_key
    from summed

),

final as (

    select
        {{ surrogate_key(['cost_key', micros_of('loaded_at'), 'file_sha256']) }} as version_key,
        cost_key,
        row_number() over (partition by cost_key order by loaded_at, file_sha256) as version_number,
        platform,
        account_id,
        account_name,
        account_time_zone,
        campaign_id,
        campaign,
        ad_group_id,
        ad_group,
        cost_date,
        currency,
        {{ figures | join(',\n        ') }},
        loaded_at as known_from,
        lead(loaded_at) over (partition by cost_key order by loaded_at, file_sha256) as known_to,
        file_sha256
    from compared
    where previous_figures_key is null or previous_figures_key <> figures_key

)

select * from final
