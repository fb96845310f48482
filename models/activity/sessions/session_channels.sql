{%- set clicks = google_click_sources() -%}
{{ config(
    materialized='days_when_changed', partition_by=partitioned_by_day('session_date'),
    meta={'looks_up': ['traffic_sources', 'traffic_hosts']}
) }}

with session_totals as (

    select
        *,
        {{ "last_click_source is not null" if var('channel_groups_from_export') else 'false' }}
            as is_answered,
        touch_source is not null and not coalesce(is_touch_by_click_id, false) as is_said,
        {{ url_query('landing_page') }} as landing_query
    from {{ ref('session_totals') }}
    where {{ of_days_to_build('session_date in {days}') }}

),

-- as reported: by GA4 where the export has its answer, else by the first event that names a source
reported as (

    select
        *,
        case
            when is_answered then last_click_source
            when is_said then touch_source
            else '(direct)'
        end as raw_source,
        coalesce(
            case when is_answered then last_click_medium when is_said then touch_medium end,
            '(none)'
        ) as raw_medium,
        coalesce(
            case when is_answered then last_click_campaign else touch_campaign end, '(not set)'
        ) as raw_campaign,
        {{ google_click('landing_query', 'gclid', 'dclid') }} as google_click,
        {{ naver_click('landing_query') }} as naver_click,
        {{ kakao_click('landing_query') }} as kakao_click,
        {{ has_braze_link('landing_query') }} as has_braze_link,
        coalesce(case when is_answered then last_click_campaign_id end, touch_campaign_id)
            as said_campaign_id,
        {{ linked_campaign_id('landing_query') }} as linked_campaign_id
    from session_totals

),

flagged as (

    select
        *,
        google_click is not null
        and {{ is_mistaken_for_google('raw_source', 'raw_medium') }} as is_mistaken,
        {{ is_excluded_referral('raw_source', 'raw_medium', 'hostname') }} as is_excluded,
        is_said and not ({{ is_direct('touch_source', 'touch_medium') }})
        and not {{ is_excluded_referral('touch_source', 'touch_medium', 'hostname') }}
            as has_own_source
    from reported

),

repaired as (

    select
        *,
        case
            {% for click, source_medium in clicks.items() -%}
            when is_mistaken and google_click = '{{ click }}' then '{{ source_medium[0] }}'
            {% endfor -%}
            when is_excluded then '(direct)'
            else raw_source
        end as source,
        case
            {% for click, source_medium in clicks.items() -%}
            when is_mistaken and google_click = '{{ click }}' then '{{ source_medium[1] }}'
            {% endfor -%}
            when is_excluded then '(none)'
            else raw_medium
        end as medium,
        case
            when is_mistaken then coalesce({{ real_campaign('raw_campaign') }}, '(not set)')
            when is_excluded or not (is_answered or is_said) then '(not set)'
            else raw_campaign
        end as campaign,
        case when not is_excluded then coalesce(said_campaign_id, linked_campaign_id) end
            as campaign_id,
        case
            when is_mistaken then 'click_id'
            when is_excluded then 'referral_exclusion'
            when is_answered then 'ga4_export'
            when is_said then 'landing'
            else 'none'
        end as source_method
    from flagged

),

-- GA4's own group, else by its rules for the platform that it names, else by those for the rest
grouped as (

    select
        repaired.*,
        traffic.source_lower, traffic.medium_lower, traffic.campaign_lower, traffic.is_paid,
        repaired.source_method = 'ga4_export'
        and repaired.last_click_channel_group is not null as is_grouped_by_ga4,
        case
            when repaired.source_method <> 'ga4_export' then traffic.channel_group
            else coalesce(
                repaired.last_click_channel_group, platforms.channel_group, traffic.channel_group
            )
        end as channel_group,
        coalesce(source_hosts.channel_plus, referrer_hosts.channel_plus) as host_channel,
        coalesce(source_hosts.name, referrer_hosts.name) as host_name
    from repaired
    left join {{ ref('traffic_sources') }} as traffic
        on repaired.source = traffic.source
        and repaired.medium = traffic.medium
        and repaired.campaign = traffic.campaign
    left join {{ list_of('ga4_integrated_channels') }} as platforms
        on repaired.last_click_platform = platforms.platform
        and repaired.last_click_detail = platforms.detail
    left join {{ ref('traffic_hosts') }} as source_hosts on traffic.source_lower = source_hosts.host
    left join {{ ref('traffic_hosts') }} as referrer_hosts
        on case
            when {{ is_direct('repaired.source', 'repaired.medium') }}
                or traffic.medium_lower = 'referral'
                then {{ url_host('repaired.landing_referrer') }}
        end = referrer_hosts.host

),

with_plus as (

    select
        *,
        {{ channel_plus(
            'source_lower', 'medium_lower', 'campaign_lower',
            'channel_group', 'is_paid', 'naver_click', 'kakao_click',
            has_openai_click('landing_query'), 'has_braze_link', 'host_channel',
        ) }} as channel_plus
    from grouped

),

final as (

    select
        session_key, device_id, session_date, started_at, source, medium, campaign, campaign_id,
        source_method, raw_source, raw_medium, raw_campaign, channel_group,
        case when is_grouped_by_ga4 then 'ga4_export' else 'rule' end as channel_method,
        last_click_channel_group as ga4_channel_group, channel_plus,
        case when channel_plus = 'AI Assistant' then coalesce(host_name, source) end
            as ai_assistant,
        (has_own_source or google_click is not null)
        and not ({{ is_direct('source', 'medium') }}) as has_touch
    from with_plus

)

select * from final
