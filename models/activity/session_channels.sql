with session_sources as (

    select *
    from {{ ref('session_sources') }}

),

traffic_sources as (

    select source, medium, campaign, source_lower, medium_lower, campaign_lower, is_paid, channel_group
    from {{ ref('traffic_sources') }}

),

-- where GA4 names the advertising platform but no group, by its rules for that platform
integrated_channels as (

    select platform, detail, channel_group
    from {{ ref('ga4_integrated_channels') }}

),

traffic_hosts as (

    select host, channel_plus, name
    from {{ ref('traffic_hosts') }}

),

classified as (

    select
        session_sources.*,
        traffic_sources.source_lower,
        traffic_sources.medium_lower,
        traffic_sources.campaign_lower,
        traffic_sources.is_paid,
        session_sources.source_method = 'ga4_export'
        and session_sources.ga4_channel_group is not null as is_answered_by_ga4,
        case
            when session_sources.source_method = 'ga4_export'
                then coalesce(
                    session_sources.ga4_channel_group, integrated_channels.channel_group, traffic_sources.channel_group
                )
            else traffic_sources.channel_group
        end as channel_group
    from session_sources
    left join integrated_channels
        on session_sources.last_click_platform = integrated_channels.platform
        and session_sources.last_click_detail = integrated_channels.detail
    left join traffic_sources
        on session_sources.source = traffic_sources.source
        and session_sources.medium = traffic_sources.medium
        and session_sources.campaign = traffic_sources.campaign

),

-- a referrer speaks where nothing else does
with_host as (

    select
        classified.*,
        coalesce(source_hosts.channel_plus, referrer_hosts.channel_plus) as host_channel,
        coalesce(source_hosts.name, referrer_hosts.name) as host_name
    from classified
    left join traffic_hosts as source_hosts on classified.source_lower = source_hosts.host
    left join traffic_hosts as referrer_hosts
        on classified.referrer_host = referrer_hosts.host
        and ({{ is_direct('classified.source', 'classified.medium') }} or classified.medium_lower = 'referral')

),

with_plus as (

    select
        *,
        {{ channel_plus(
            'source_lower', 'medium_lower', 'campaign_lower', 'channel_group', 'is_paid', 'naver_click', 'kakao_click',
            'has_braze_link', 'host_channel',
        ) }} as channel_plus
    from with_host

),

final as (

    select
        session_key,
        device_id,
        started_at,
        source,
        medium,
        campaign,
        source_method,
        raw_source,
        raw_medium,
        raw_campaign,
        gclid,
        channel_group,
        case when is_answered_by_ga4 then 'ga4_export' else 'rule' end as channel_method,
        ga4_channel_group,
        channel_plus,
        case when channel_plus = 'AI Assistant' then coalesce(host_name, source) end as ai_assistant,
        has_touch and not ({{ is_direct('source', 'medium') }}) as has_touch
    from with_plus

)

select * from final
