with session_totals as (

    select
        session_key,
        device_id,
        started_at,
        hostname,
        landing_page,
        landing_referrer,
        gclid,
        dclid,
        case when not coalesce(is_touch_by_click_id, false) then touch_source end as touch_source,
        case when not coalesce(is_touch_by_click_id, false) then touch_medium end as touch_medium,
        touch_campaign,
        last_click_source,
        last_click_medium,
        last_click_campaign,
        last_click_channel_group,
        last_click_platform,
        last_click_detail,
        {{ "last_click_source is not null" if var('channel_groups_from_export') else 'false' }} as is_answered_by_ga4
    from {{ ref('session_totals') }}

),

with_query as (

    select *, {{ url_query('landing_page') }} as landing_query
    from session_totals

),

-- as it was said: by GA4 where the export carries its answer, else by the first event of the session that says it
with_evidence as (

    select
        *,
        case when is_answered_by_ga4 then last_click_source else coalesce(touch_source, '(direct)') end as raw_source,
        case when is_answered_by_ga4 then last_click_medium else coalesce(touch_medium, '(none)') end as raw_medium,
        case when is_answered_by_ga4 then last_click_campaign else coalesce(touch_campaign, '(not set)') end
            as raw_campaign,
        {{ google_click('landing_query', 'gclid', 'dclid') }} as google_click,
        case when landing_query is not null then {{ naver_click('landing_query') }} end as naver_click,
        case when landing_query is not null then {{ kakao_click('landing_query') }} end as kakao_click,
        case when landing_query is not null then {{ has_braze_link('landing_query') }} else false end as has_braze_link
    from with_query

),

judged as (

    select
        *,
        {{ is_excluded_referral('raw_source', 'raw_medium', 'hostname') }} as is_excluded,
        {{ is_excluded_referral('touch_source', 'touch_medium', 'hostname') }} as is_touch_excluded,
        google_click is not null and {{ is_mistaken_for_google('raw_source', 'raw_medium') }} as is_mistaken
    from with_evidence

),

final as (

    select
        session_key,
        device_id,
        started_at,
        case
            when is_mistaken and google_click = 'google_ads' then 'google'
            when is_mistaken then 'dfa'
            when is_excluded then '(direct)'
            else raw_source
        end as source,
        case
            when is_mistaken and google_click = 'google_ads' then 'cpc'
            when is_mistaken then 'cpm'
            when is_excluded then '(none)'
            else coalesce(raw_medium, '(none)')
        end as medium,
        case
            when is_mistaken then coalesce({{ real_campaign('raw_campaign') }}, '(not set)')
            when is_excluded then '(not set)'
            else coalesce(raw_campaign, '(not set)')
        end as campaign,
        case
            when is_mistaken then 'click_id'
            when is_excluded then 'referral_exclusion'
            when is_answered_by_ga4 then 'ga4_export'
            when touch_source is not null then 'landing'
            else 'none'
        end as source_method,
        raw_source,
        raw_medium,
        raw_campaign,
        last_click_channel_group as ga4_channel_group,
        last_click_platform,
        last_click_detail,
        gclid,
        google_click,
        naver_click,
        kakao_click,
        has_braze_link,
        {{ url_host('landing_referrer') }} as referrer_host,
        google_click is not null
        or (
            touch_source is not null and not is_touch_excluded
            and not ({{ is_direct('touch_source', "coalesce(touch_medium, '(none)')") }})
        ) as has_touch
    from judged

)

select * from final
