-- each campaign that a platform bills, under its latest name,
-- with the visits that its links brought
with names as (

    select
        *,
        row_number() over (
            partition by ad_campaign_key order by last_date desc, first_date desc, campaign
        ) as place
    from {{ ref('ad_campaign_names') }}

),

campaigns as (

    select
        ad_campaign_key,
        min(platform) as platform,
        min(account_id) as account_id,
        min(campaign_id) as campaign_id,
        max(case when place = 1 then campaign end) as campaign,
        count(*) as names,
        min(first_date) as first_date,
        max(last_date) as last_date
    from names
    group by ad_campaign_key

),

links as (

    select ad_campaign_key, source, medium, campaign, campaign_id, match_method, sessions
    from {{ ref('link_campaigns') }}
    where ad_campaign_key is not null

),

-- a name without an id may be mapped to links that another name has already: both are one campaign
mapped_to as (

    select
        names.ad_campaign_key,
        links.ad_campaign_key as campaign_key,
        row_number() over (
            partition by names.ad_campaign_key
            order by links.sessions desc, links.ad_campaign_key
        ) as place
    from names
    inner join {{ list_of('campaign_map') }} as mapped
        on names.platform = lower(trim(mapped.platform))
        and names.campaign_word = {{ campaign_word('mapped.campaign') }}
        and coalesce(nullif(trim(mapped.account_id), ''), names.account_id, '')
            = coalesce(names.account_id, '')
    inner join links
        on {{ campaign_word('mapped.utm_campaign') }} = {{ campaign_word('links.campaign') }}
    inner join campaigns as others
        on links.ad_campaign_key = others.ad_campaign_key
        and names.platform = others.platform

),

link_totals as (

    select
        ad_campaign_key,
        {{ first_by(
            'match_method', "case match_method when 'id' then 1 when 'name' then 2 else 3 end"
        ) }} as match_method,
        cast(sum(sessions) as int64) as sessions
    from links
    group by ad_campaign_key

),

channel_sessions as (

    select
        links.ad_campaign_key,
        visits.channel_group,
        count(*) as sessions
    from {{ ref('sessions') }} as visits
    inner join {{ ref('link_campaigns') }} as links
        on {{ surrogate_key(
            ['visits.source', 'visits.medium', 'visits.campaign', 'visits.campaign_id']
        ) }}
        = links.link_key
    where links.ad_campaign_key is not null
    group by links.ad_campaign_key, visits.channel_group

),

channels as (

    select
        ad_campaign_key,
        channel_group,
        row_number() over (partition by ad_campaign_key order by sessions desc, channel_group)
            as place
    from channel_sessions

),

platforms as (

    select platform, min(channel_group) as channel_group
    from {{ list_of('ad_platforms') }}
    group by platform

),

final as (

    select
        campaigns.ad_campaign_key,
        case
            when link_totals.ad_campaign_key is null
                then coalesce(mapped_to.campaign_key, campaigns.ad_campaign_key)
            else campaigns.ad_campaign_key end as campaign_key,
        campaigns.platform,
        campaigns.account_id,
        campaigns.campaign_id,
        campaigns.campaign,
        campaigns.names,
        campaigns.first_date,
        campaigns.last_date,
        coalesce(
            link_totals.match_method,
            case when mapped_to.campaign_key is not null then 'map' end,
            'none'
        ) as match_method,
        coalesce(link_totals.sessions, 0) as sessions,
        coalesce(
            channels.channel_group, mapped_channels.channel_group,
            platforms.channel_group, 'Paid Other'
        ) as channel_group
    from campaigns
    left join mapped_to
        on campaigns.ad_campaign_key = mapped_to.ad_campaign_key
        and mapped_to.place = 1
    left join link_totals on campaigns.ad_campaign_key = link_totals.ad_campaign_key
    left join channels
        on campaigns.ad_campaign_key = channels.ad_campaign_key
        and channels.place = 1
    left join channels as mapped_channels
        on mapped_to.campaign_key = mapped_channels.ad_campaign_key
        and mapped_channels.place = 1
    left join platforms on campaigns.platform = platforms.platform

)

select * from final
