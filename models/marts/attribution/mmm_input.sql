-- spend and impressions of each channel by week, beside all conversions of the week,
-- as Meridian takes them
with media as (

    select
        {{ week_of('activity_date') }} as week,
        channel_group,
        sum(cost) as spend,
        cast(sum(costs_without_rate) as int64) as costs_without_rate,
        cast(sum(impressions) as int64) as impressions,
        cast(sum(clicks) as int64) as clicks
    from {{ ref('campaign_days') }}
    where meets <> 'sessions_alone'
    group by week, channel_group

),

days as (

    select activity_date
    from {{ ref('campaign_days') }}
    group by activity_date

),

kpis as (

    select
        {{ week_of('conversion_date') }} as week,
        count(*) as conversions,
        sum(verified_value) as verified_value
    from {{ ref('conversions') }}
    group by week

),

promotions as (

    select
        {{ week_of('days.activity_date') }} as week,
        count(distinct days.activity_date) as promotion_days
    from days
    inner join {{ list_of('promotions') }} as promotions
        on days.activity_date >= {{ safe_cast_as('promotions.first_date', 'date') }}
        and days.activity_date <= {{ safe_cast_as('promotions.last_date', 'date') }}
    group by week

),

weeks as (

    select {{ week_of('activity_date') }} as week, count(*) as days
    from days
    group by week

),

channels as (

    select distinct channel_group
    from media

),

final as (

    select
        weeks.week as time,
        'national_geo' as geo,
        channels.channel_group as media_channel,
        coalesce(media.impressions, 0) as media,
        coalesce(media.clicks, 0) as clicks,
        round(coalesce(media.spend, 0), 4) as media_spend,
        coalesce(media.costs_without_rate, 0) as costs_without_rate,
        coalesce(kpis.conversions, 0) as kpi,
        round(kpis.verified_value / nullif(kpis.conversions, 0), 4) as revenue_per_kpi,
        coalesce(promotions.promotion_days, 0) as promotions,
        weeks.days = 7 and {{ date_plus('weeks.week', 7) }} <= {{ as_of_day() }} as is_whole_week
    from weeks
    cross join channels
    left join media
        on weeks.week = media.week
        and channels.channel_group = media.channel_group
    left join kpis on weeks.week = kpis.week
    left join promotions on weeks.week = promotions.week

)

select * from final
