with session_totals as (

    select *
    from {{ ref('session_totals') }}

),

device_owners as (

    select device_id, person_id, valid_from, valid_to
    from {{ ref('device_owners') }}

),

user_ids as (

    select identifier_value as user_id, person_id
    from {{ ref('person_identifiers') }}
    where identifier_type = 'user_id'

),

source_categories as (

    select source, source_category
    from {{ ref('ga4_source_categories') }}

),

-- GA4's own answer where the export carries it, else what the landing said, else direct
with_source as (

    select
        *,
        {% if var('channel_groups_from_export') -%}
        last_click_channel_group is not null and last_click_source is not null
        {%- else -%} false {%- endif %} as is_answered_by_ga4
    from session_totals

),

resolved as (

    select
        *,
        case
            when is_answered_by_ga4 then last_click_source
            else coalesce(touch_source, '(direct)')
        end as source,
        case
            when is_answered_by_ga4 then last_click_medium
            else coalesce(touch_medium, '(none)')
        end as medium,
        case
            when is_answered_by_ga4 then last_click_campaign
            else coalesce(touch_campaign, '(not set)')
        end as campaign
    from with_source

),

with_category as (

    select
        resolved.*,
        lower(resolved.source) as source_lower,
        lower(resolved.medium) as medium_lower,
        lower(resolved.campaign) as campaign_lower,
        source_categories.source_category
    from resolved
    left join source_categories on lower(resolved.source) = source_categories.source

),

final as (

    select
        with_category.session_key,
        with_category.device_id,
        coalesce(device_owners.person_id, user_ids.person_id) as person_id,
        with_category.ga_session_id,
        with_category.ga_session_number,
        with_category.session_date,
        with_category.started_at,
        with_category.ended_at,
        with_category.source,
        with_category.medium,
        with_category.campaign,
        with_category.gclid,
        case
            when with_category.is_answered_by_ga4 then with_category.last_click_channel_group
            else {{ channel_group('source_lower', 'medium_lower', 'campaign_lower', 'source_category') }}
        end as channel_group,
        case
            when with_category.is_answered_by_ga4 then 'ga4_export'
            else 'rule'
        end as channel_method,
        with_category.landing_page,
        with_category.landing_path,
        with_category.landing_referrer,
        with_category.device_category,
        with_category.country,
        with_category.city,
        with_category.events,
        with_category.page_views,
        with_category.purchase_events,
        coalesce(with_category.entrances, 0) as entrances,
        coalesce(with_category.engagement_seconds, 0) as engagement_seconds,
        with_category.engaged_parameter = 1
        or with_category.page_views >= 2
        or coalesce(with_category.engagement_seconds, 0) >= 10 as is_engaged
    from with_category
    left join device_owners
        on with_category.device_id = device_owners.device_id
        and with_category.started_at >= device_owners.valid_from
        and with_category.started_at < device_owners.valid_to
    left join user_ids on with_category.first_user_id = user_ids.user_id

)

select * from final
