with source as (

    select * from {{ ref('base_ga4__users') }}

),

renamed as (

    select
        -- ids
        user_key,
        property_id,
        user_kind,
        pseudo_user_id as user_pseudo_id,
        user_id,
        stream_id,

        -- strings
        device.category as device_category,
        device.operating_system,
        device.mobile_brand_name,
        device.mobile_model_name,
        geo.country,
        geo.region,
        geo.city,

        -- numerics
        {{ number_within('user_ltv.revenue_in_usd') }} as lifetime_revenue_usd,
        user_ltv.purchases as lifetime_purchases,
        user_ltv.sessions as lifetime_sessions,
        user_ltv.engaged_sessions as lifetime_engaged_sessions,
        user_ltv.engagement_time_millis / 1000 as lifetime_engagement_seconds,
        {{ number_within('predictions.purchase_score_7d') }} as purchase_probability_7d,
        {{ number_within('predictions.churn_score_7d') }} as churn_probability_7d,
        {{ number_within('predictions.in_app_purchase_score_7d') }}
            as in_app_purchase_probability_7d,
        {{ number_within('predictions.revenue_28d_in_usd') }} as predicted_revenue_28d_usd,

        -- booleans
        coalesce(lower(privacy_info.is_ads_personalization_allowed) in ('yes', 'true'), false)
            as is_ads_personalization_allowed,
        coalesce(lower(privacy_info.is_limited_ad_tracking) in ('yes', 'true'), false)
            as is_limited_ad_tracking,

        -- timestamps
        {{ timestamp_from_micros('user_info.last_active_timestamp_micros') }} as last_active_at,
        {{ timestamp_from_micros('user_info.user_first_touch_timestamp_micros') }}
            as first_touch_at,
        {{ ga4_day('user_info.first_purchase_date') }} as first_purchase_date,
        {{ ga4_day('occurrence_date') }} as occurrence_date,
        {{ ga4_day('last_updated_date') }} as last_updated_date,
        shard_date
    from source

)

select * from renamed
