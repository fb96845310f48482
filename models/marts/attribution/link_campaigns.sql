-- the campaign of a platform that links belong to:
-- by its id, else by its name, else by the seed campaign_map
with visits as (

    select source, medium, campaign, campaign_id, channel_group, session_date
    from {{ ref('sessions') }}

),

platforms as (

    select platform, source
    from {{ list_of('ad_platforms') }}

),

links as (

    select
        visits.source,
        visits.medium,
        visits.campaign,
        visits.campaign_id,
        min(platforms.platform) as source_platform,
        count(*) as sessions,
        max(visits.session_date) as last_date
    from visits
    left join platforms on lower(visits.source) = platforms.source
    group by visits.source, visits.medium, visits.campaign, visits.campaign_id

),

keyed as (

    select
        *,
        {{ surrogate_key(['source', 'medium', 'campaign', 'campaign_id']) }} as link_key,
        {{ campaign_word('campaign') }} as campaign_word
    from links

),

names as (

    select ad_campaign_key, platform, account_id, campaign_id, campaign_word, last_date
    from {{ ref('ad_campaign_names') }}

),

mapped as (

    select
        lower(trim(platform)) as platform,
        nullif(trim(account_id), '') as account_id,
        {{ campaign_word('campaign') }} as campaign_word,
        {{ campaign_word('utm_campaign') }} as utm_word
    from {{ list_of('campaign_map') }}

),

candidates as (

    select
        keyed.link_key, names.ad_campaign_key,
        names.last_date, 'id' as match_method, 1 as match_rank
    from keyed
    inner join names on lower(keyed.campaign_id) = lower(names.campaign_id)
    where coalesce(keyed.source_platform, names.platform) = names.platform

    union all

    select
        keyed.link_key, names.ad_campaign_key, names.last_date,
        'name' as match_method, 2 as match_rank
    from keyed
    inner join names
        on keyed.source_platform = names.platform
        and keyed.campaign_word = names.campaign_word

    union all

    select
        keyed.link_key, names.ad_campaign_key, names.last_date,
        'map' as match_method, 3 as match_rank
    from mapped
    inner join names
        on mapped.platform = names.platform
        and mapped.campaign_word in (names.campaign_word, {{ campaign_word('names.campaign_id') }})
        and coalesce(mapped.account_id, names.account_id, '') = coalesce(names.account_id, '')
    inner join keyed
        on mapped.utm_word = keyed.campaign_word
        and coalesce(keyed.source_platform, mapped.platform) = mapped.platform

),

ranked as (

    select
        *,
        row_number() over (
            partition by link_key
            order by match_rank, last_date desc, ad_campaign_key
        ) as place
    from candidates

),

final as (

    select
        keyed.link_key,
        keyed.source,
        keyed.medium,
        keyed.campaign,
        keyed.campaign_id,
        keyed.source_platform,
        ranked.ad_campaign_key,
        coalesce(ranked.match_method, 'none') as match_method,
        coalesce(
            ranked.ad_campaign_key, {{ unbilled_campaign_key('keyed.source', 'keyed.campaign') }}
        ) as campaign_key,
        keyed.sessions,
        keyed.last_date
    from keyed
    left join ranked
        on keyed.link_key = ranked.link_key
        and ranked.place = 1

)

select * from final
