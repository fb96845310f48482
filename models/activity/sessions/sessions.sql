{%- set names = ['source', 'medium', 'campaign', 'channel_group'] -%}

with session_totals as (

    select *, {{ is_internal_session() }} as is_internal
    from {{ ref('session_totals') }}

),

channels as (

    select *, {{ is_direct('source', 'medium') }} as is_direct
    from {{ ref('session_channels') }}

),

persons as (

    select session_key, person_id
    from {{ ref('session_persons') }}

),

last_non_direct as (

    select *
    from {{ ref('session_last_non_direct') }}

),

bots as (

    select session_key, bot_reason
    from {{ ref('session_bots') }}

),

final as (

    select
        -- ids
        totals.session_key,
        totals.property_id,
        totals.stream_id,
        totals.platform,
        totals.device_id,
        persons.person_id,
        totals.ga_session_id,
        totals.ga_session_number,

        -- when
        totals.session_date,
        totals.started_at,
        totals.ended_at,

        -- from where
        channels.source,
        channels.medium,
        channels.campaign,
        channels.campaign_id,
        channels.source_method,
        channels.raw_source,
        channels.raw_medium,
        channels.raw_campaign,
        totals.gclid,
        channels.channel_group,
        channels.channel_method,
        channels.ga4_channel_group,
        channels.channel_plus,
        channels.ai_assistant,
        {% for name in names -%}
        case
            when channels.is_direct
                then coalesce(last_non_direct.device_{{ name }}, channels.{{ name }})
            else channels.{{ name }} end as last_non_direct_{{ name }},
        {% endfor -%}
        {% for name in names -%}
        case
            when channels.has_touch then channels.{{ name }}
            when last_non_direct.person_touch_key is not null then last_non_direct.person_{{ name }}
            when channels.is_direct
                then coalesce(last_non_direct.device_{{ name }}, channels.{{ name }})
            else channels.{{ name }}
        end as person_last_non_direct_{{ name }},
        {% endfor -%}
        totals.hostname,
        totals.landing_page,
        totals.landing_path,
        totals.landing_referrer,
        totals.device_category,
        totals.browser,
        totals.country,
        totals.city,

        -- what happened
        totals.events,
        totals.page_views,
        totals.purchase_events,
        totals.key_events,
        coalesce(totals.entrances, 0) as entrances,
        coalesce(totals.engagement_seconds, 0) as engagement_seconds,
        totals.engaged_parameter = 1
        or totals.page_views >= 2
        or totals.key_events >= 1
        or coalesce(totals.engagement_seconds, 0) >= 10 as is_engaged,

        -- who is counted
        case
            when bots.bot_reason is not null then 'bot'
            when totals.is_internal then 'internal'
            else 'visitor'
        end as traffic_kind,
        bots.bot_reason is not null as is_bot,
        bots.bot_reason,
        totals.is_internal,
        coalesce(totals.debug_events, 0) > 0 as is_debug
    from session_totals as totals
    inner join channels on totals.session_key = channels.session_key
    left join persons on totals.session_key = persons.session_key
    left join last_non_direct on totals.session_key = last_non_direct.session_key
    left join bots on totals.session_key = bots.session_key

)

select * from final
