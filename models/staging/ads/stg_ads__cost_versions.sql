{%- set platforms = ['google', 'meta', 'naver', 'kakao', 'tiktok'] -%}
{%- set figures = ['cost', 'impressions', 'clicks', 'platform_conversions', 'platform_value'] -%}

-- what each platform reported of a day, and from when until when that was the newest report
with reports as (

    {% for platform in platforms -%}
    select *
    from {{ ref('base_ads__' ~ platform) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

with_account as (

    select
        reports.* replace (
            upper(coalesce(currency, {{ ads_account_setting('currency') }})) as currency
        ),
        coalesce(account_time_zone, {{ ads_account_setting('timezone') }}) as time_zone,
        {{ surrogate_key([
            'platform', 'account_id', 'coalesce(campaign_id, campaign)',
            'coalesce(ad_group_id, ad_group)', 'cost_date',
        ]) }} as reported_key
    from reports

),

-- a report may have a row an ad, a device, a network: of one file those in one currency add up
summed as (

    select
        reported_key,
        platform,
        cost_date,
        file_sha256,
        loaded_at,
        account_id,
        currency,
        max(account_name) as account_name,
        max(time_zone) as account_time_zone,
        max(campaign_id) as campaign_id,
        max(campaign) as campaign,
        max(ad_group_id) as ad_group_id,
        max(ad_group) as ad_group,
        {% for figure in figures -%}
        sum({{ figure }}) as {{ figure }}{{ ',' if not loop.last }}
        {% endfor %}
    from with_account
    group by reported_key, platform, cost_date, file_sha256, loaded_at, account_id, currency

),

-- what a file says, in all currencies together
reported as (

    select
        reported_key,
        loaded_at,
        file_sha256,
        string_agg(figures_key, ',' order by figures_key) as said_key
    from (
        select
            reported_key, loaded_at, file_sha256,
            {{ surrogate_key(figures + ['currency']) }} as figures_key
        from summed
    ) as keyed
    group by reported_key, loaded_at, file_sha256

),

-- the same figures again are no other version
compared as (

    select
        *,
        lag(said_key) over (partition by reported_key order by loaded_at, file_sha256)
            as previous_key
    from reported

),

versions as (

    select
        reported_key,
        loaded_at,
        file_sha256,
        row_number() over (partition by reported_key order by loaded_at, file_sha256)
            as version_number,
        lead(loaded_at) over (partition by reported_key order by loaded_at, file_sha256) as known_to
    from compared
    where previous_key is null or previous_key <> said_key

),

final as (

    select
        {{ surrogate_key([
            'summed.reported_key', 'summed.currency',
            micros_of('summed.loaded_at'), 'summed.file_sha256',
        ]) }} as version_key,
        {{ surrogate_key(['summed.reported_key', 'summed.currency']) }} as cost_key,
        versions.version_number,
        summed.platform,
        summed.account_id,
        summed.account_name,
        summed.account_time_zone,
        summed.campaign_id,
        summed.campaign,
        summed.ad_group_id,
        summed.ad_group,
        summed.cost_date,
        summed.currency,
        {% for figure in figures -%}
        summed.{{ figure }},
        {% endfor -%}
        summed.loaded_at as known_from,
        versions.known_to,
        summed.file_sha256
    from summed
    inner join versions
        on summed.reported_key = versions.reported_key
        and summed.loaded_at = versions.loaded_at
        and summed.file_sha256 = versions.file_sha256

)

select * from final
