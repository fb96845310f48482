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

-- campaigns of messages and of what happened offline, which no session came from
touched as (

    select
        {{ unbilled_campaign_key('source', 'campaign') }} as campaign_key,
        {{ real_campaign('campaign') }} as campaign,
        max(touch_date) as last_date,
        count(*) as touches
    from {{ ref('touches') }}
    where touch_kind <> 'session'
    group by 1, 2

),

named as (

    select
        campaign_key,
        platform,
        campaign,
        row_number() over (partition by campaign_key order by last_date desc, ad_campaign_key)
            as place
    from billed

    union all

    select
        campaign_key,
        source_platform as platform,
        coalesce({{ real_campaign('campaign') }}, '(not set)') as campaign,
        row_number() over (
            partition by campaign_key order by sessions desc, last_date desc, link_key
        ) as place
    from linked

    union all

    select
        touched.campaign_key,
        cast(null as string) as platform,
        coalesce(touched.campaign, '(not set)') as campaign,
        row_number() over (
            partition by touched.campaign_key
            order by touched.touches desc, touched.last_date desc, touched.campaign
        ) as place
    from touched
    left join (select distinct campaign_key from linked) as known
        on touched.campaign_key = known.campaign_key
    where known.campaign_key is null

    union all

    -- what has no campaign, also where nothing came so
    select
        {{ surrogate_key(["'no campaign'"]) }} as campaign_key,
        cast(null as string) as platform,
        '(not set)' as campaign,
        1 as place

),

final as (

    select
        campaign_key,
        case when campaign <> '(not set)' then platform end as platform,
        campaign
    from named
    where place = 1
    qualify row_number() over (partition by campaign_key order by platform desc, campaign) = 1

)

select * from final
