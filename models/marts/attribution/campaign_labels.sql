-- the name of each campaign: what its platform calls it now, else what its links say
with billed as (

    select campaign_key, platform, campaign, last_date, ad_campaign_key
    from {{ ref('ad_campaigns') }}

),

linked as (

    select campaign_key, source_platform, campaign, last_date, sessions, link_key
    from {{ ref('link_campaigns') }}
    where ad_campaign_key is null

),

named as (

    select
        campaign_key,
        platform,
        campaign,
        row_number() over (partition by campaign_key order by last_date desc, ad_campaign_key) as place
    from billed

    union all

    select
        campaign_key,
        source_platform as platform,
        coalesce({{ real_campaign('campaign') }}, '(not set)') as campaign,
        row_number() over (partition by campaign_key order by sessions desc, last_date desc, link_key) as place
    from linked

),

final as (

    select
        campaign_key,
        case when campaign <> '(not set)' then platform end as platform,
        campaign
    from named
    where place = 1

)

select * from final
