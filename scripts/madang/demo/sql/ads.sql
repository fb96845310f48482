-- Advertising: what each platform says it delivered and brought about, by day,
-- campaign and ad group.

-- A platform may call its campaign otherwise than the links do, and rename it.
-- Of one nobody ever came.
create table ad_campaigns as
select * from (values
    (2, 'naver', 'nv_brand', 'nv_brand'),
    (3, 'naver', 'nv_electric', 'nv_electric'),
    (5, 'google_ads', 'gg_brand_kr', 'gg_brand_korea'),
    (6, 'google_ads', 'gg_cross-network_launch', 'gg_cross-network_launch'),
    (7, 'kakao', 'kk_bizboard', 'KK BizBoard'),
    (8, 'kakao', 'kk_keyword', 'kk_keyword'),
    (9, 'meta', 'mt_launch', 'mt_launch'),
    (10, 'meta', 'mt_reels', 'mt_reels'),
    (18, 'naver', '런칭 배너', '런칭 배너'),
    (22, 'tiktok', 'tt_challenge', 'tt_challenge'),
    (90, 'google_ads', 'gg_display_awareness', 'gg_display_awareness')
) as t (origin_no, platform, first_name, later_name);

-- An account of TikTok has its days in California.
create macro ad_day(platform, us) as case
    when platform = 'tiktok' then timezone('America/Los_Angeles', make_timestamptz(us))::date
    else kst_date(us)
end;

create macro part_of(whole, ad_group_no) as
    case ad_group_no when 1 then ceil(whole * 0.6) else whole - ceil(whole * 0.6) end::bigint;

create table ad_days as
with visited as (
    select
        platform,
        ad_day(platform, started_us) as day,
        origin_no,
        visits.campaign as link_campaign,
        count(*) as visits
    from visits
    inner join ad_campaigns using (origin_no)
    where ad_day(platform, started_us) < ad_day(platform, getvariable('until_us'))
    group by all
    union all
    select
        'google_ads', kst_date(getvariable('start_us')) + d::integer, 90, 'gg_display_awareness', 0
    from range(kst_date(getvariable('until_us')) - kst_date(getvariable('start_us'))) as t (d)
),

-- A platform claims whoever clicked last at some time, and some who only saw the advertisement.
applied as (
    select
        platform,
        ad_day(platform, applications.event_us) as day,
        last_click_no as origin_no,
        count(*) as applications,
        sum(case product when 'charger' then 1200000 else 50000 end) as worth
    from applications
    inner join visits using (visit_no)
    inner join ad_campaigns on ad_campaigns.origin_no = visits.last_click_no
    group by all
),

delivered as (
    select
        visited.*,
        case when origin_no = 90 then 2 + floor(draw(day, 'awareness') * 5)
            else ceil(visits * 1.18) end::bigint as clicks,
        case when origin_no = 90 then 900 + floor(draw(day, 'seen_by') * 600)
            else visits * (28 + 40 * draw(link_campaign || day, 'reach')) end::bigint
                as impressions,
        case when origin_no = 90 then 1500 + floor(draw(day, 'spent') * 1500)
            else visits * (380 + 520 * draw(link_campaign, 'bid')) end::bigint as cost_krw,
        origin_no * 100000 + (day - date '1970-01-01') as day_no,
        case when draw(day_no, 'view_through') < 0.3
            then 1 + floor(visits * 0.03) else 0 end::bigint as seen_only
    from visited
)

select
    delivered.* exclude (seen_only, day_no),
    campaign_id_of(origin_no) as campaign_id,
    case when day < kst_date(getvariable('start_us')) + getvariable('days') // 2
        then first_name else later_name end as campaign,
    coalesce(applications, 0) + seen_only as conversions,
    coalesce(worth, 0) + seen_only * 50000 as conversion_value,
    -- Clicks that turn out to be a program's are paid back some days later.
    platform = 'google_ads' and draw(day_no, 'restated') < 0.15 as is_restated,
    cost_krw + case when is_restated then ceil(cost_krw * 0.06) else 0 end::bigint as cost_first_krw
from delivered
inner join ad_campaigns using (platform, origin_no)
left join applied using (platform, day, origin_no);

-- Where a report is by ad group, two share a campaign's day.
create view ad_group_days as
select
    * replace (
        part_of(clicks, ad_group_no) as clicks,
        part_of(impressions, ad_group_no) as impressions,
        part_of(cost_krw, ad_group_no) as cost_krw,
        part_of(cost_first_krw, ad_group_no) as cost_first_krw,
        case ad_group_no when 1 then conversions else 0 end as conversions,
        case ad_group_no when 1 then conversion_value else 0 end as conversion_value
    ),
    campaign_id || lpad(ad_group_no::varchar, 2, '0') as ad_group_id,
    case ad_group_no when 1 then '관심 고객' else '유사 고객' end as ad_group
from ad_days
cross join (values (1), (2)) as t (ad_group_no);
