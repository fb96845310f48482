-- Where visits come from. The channel group is written by hand from GA4's published rules.

create table origins as
select * from (values
    -- no, weight, source, medium, campaign, click id, referrer, channel group
    (0, 22, null, null, null, null, null, 'Direct'),
    (1, 17, 'naver', 'organic', null, null, 'https://search.naver.com/', 'Organic Search'),
    (2, 9, 'naver', 'cpc', 'nv_brand', 'NaPm', 'https://search.naver.com/', 'Paid Search'),
    (3, 4, 'naver', 'cpc', 'nv_electric', 'NaPm', 'https://m.search.naver.com/', 'Paid Search'),
    (4, 10, 'google', 'organic', null, null, 'https://www.google.com/', 'Organic Search'),
    (5, 6, 'google', 'cpc', 'gg_brand_kr', 'gclid', 'https://www.google.com/', 'Paid Search'),
    (6, 3, 'google', 'cpc', 'gg_cross-network_launch', 'gclid', null, 'Cross-network'),
    (7, 5, 'kakao', 'paid_social', 'kk_bizboard', null, null, 'Paid Social'),
    (8, 2, 'kakao', 'keyword', 'kk_keyword', null, null, 'Organic Social'),
    (9, 6, 'facebook', 'paid_social', 'mt_launch', 'fbclid', 'https://l.facebook.com/',
        'Paid Social'),
    (10, 4, 'instagram', 'paid_social', 'mt_reels', 'fbclid', 'https://l.instagram.com/',
        'Paid Social'),
    (11, 3, 'braze', 'email', 'newsletter_autumn', null, null, 'Email'),
    (12, 2, 'braze', 'kakao_msg', 'kakao_test_drive', null, null, 'Unassigned'),
    (13, 3, 'blog.naver.com', 'referral', null, null, 'https://blog.naver.com/', 'Organic Social'),
    (14, 3, 'carnews.example', 'referral', null, null, 'https://carnews.example/maru9',
        'Referral'),
    (15, 1, 'chatgpt.com', 'ai-assistant', '(ai-assistant)', null, 'https://chatgpt.com/',
        'AI Assistant'),
    (16, 2, 'cafe.naver.com', 'referral', null, null, 'https://cafe.naver.com/marudrivers/1024',
        'Organic Social'),
    (17, 1, 'kin.naver.com', 'referral', null, null, 'https://kin.naver.com/', 'Organic Social'),
    (18, 1, 'naver', 'display', 'nv_gfa_launch', null, 'https://m.naver.com/', 'Display'),
    (19, 1, 'pf.kakao.com', 'referral', null, null, 'https://pf.kakao.com/', 'Referral'),
    -- KakaoTalk opens links in its own browser, without a referrer that names a page.
    (20, 1, 'com.kakao.talk', 'referral', null, null, 'android-app://com.kakao.talk/', 'Referral'),
    (21, 2, 'braze', 'sms', 'sms_news', null, null, 'SMS'),
    -- Drawn from those of Facebook, see below: the others stay as they are.
    (22, 0, 'tiktok', 'paid_social', 'tt_challenge', 'ttclid', 'https://www.tiktok.com/',
        'Paid Social')
) as t (origin_no, weight, source, medium, campaign, click_id, referrer, channel_group);

-- What the platform calls a campaign.
-- Links name it where whoever built them thought of it (utm_id).
create macro campaign_id_of(origin_no) as '19' || lpad(origin_no::varchar, 4, '0');

create macro linked_campaign_id(origin_no) as
    case when origin_no in (9, 10, 22) then campaign_id_of(origin_no) end;

create table origin_ranges as
select
    origin_no,
    (sum(weight) over (order by origin_no) - weight) / sum(weight) over () as low,
    sum(weight) over (order by origin_no) / sum(weight) over () as high
from origins;

create table all_visits as
select * from personal_visits
union all select * from family_visits
union all select * from counter_visits
union all select * from other_visits;

create table visits as
with numbered as (
    select
        row_number() over (order by started_us, device_no) as visit_no,
        row_number() over (partition by device_no order by started_us) as nth,
        -- A browser may keep somebody logged in, also from before the export begins.
        count(*) filter (login != 'none') over (
            partition by device_no order by started_us
            rows between unbounded preceding and 1 preceding
        ) > 0 as was_logged_in,
        all_visits.*
    from all_visits
),

with_device as (
    select
        numbered.* exclude (started_us, login, was_logged_in),
        case when login = 'first' and (was_logged_in or is_returning)
            and devices.kind = 'personal'
            and draw(visit_no, 'stays_in') < 0.15 then 'kept' else login end as login,
        -- Whole seconds make the session id; the microseconds make event times unlike.
        (started_us // 1000000) * 1000000 + floor(draw(visit_no, 'us') * 999999)::bigint
            as started_us,
        devices.* exclude (device_no, kind, owner_no, second_no, nth, make),
        devices.kind as device_kind,
        case when devices.kind in ('personal', 'family')
            then (
                select origin_ranges.origin_no
                from origin_ranges
                where draw(visit_no, 'origin') >= low and draw(visit_no, 'origin') < high
            )
            else 0
        end as drawn_no
    from numbered
    inner join devices on devices.device_no = numbered.device_no
),

with_origin as (
    select
        * exclude (drawn_no),
        case when drawn_no = 9 and draw(visit_no, 'tiktok') < 0.3 then 22 else drawn_no end
            as origin_no
    from with_device
),

-- Links in messages name their campaign as Braze does, or nearly so, or in words of their own.
tagged as (
    select
        with_origin.*,
        origins.medium,
        origins.campaign as origin_campaign,
        case when origins.source = 'braze' and origins.medium in ('email', 'sms')
            then (started_us - message_us(origins.medium, 0)) // us_days(7) end as week
    from with_origin
    inner join origins using (origin_no)
),

with_campaign as (
    select
        * exclude (medium, origin_campaign, week),
        case
            when origin_no = 0 then null
            when coalesce(week, -1) < 0 or draw(visit_no, 'tagged') < 0.25 then origin_campaign
            when draw(visit_no, 'tagged') < 0.35
                then upper(replace(message_campaign(medium, week), '_', '-'))
            else message_campaign(medium, week)
        end as campaign
    from tagged
)

select
    with_campaign.*,
    started_us // 1000000 as ga_session_id,
    nth + case when is_returning then 1 + floor(draw(device_no, 'past') * 6)::bigint else 0 end
        as ga_session_number,
    -- GA4's own idea of the origin: a direct visit keeps the last one that was not.
    coalesce(
        last_value(nullif(origin_no, 0) ignore nulls) over (
            partition by device_no order by started_us
            rows between unbounded preceding and current row
        ),
        0
    ) as last_click_no,
    nullif(
        last_value(case when origin_no != 0 then coalesce(campaign, '') end ignore nulls) over (
            partition by device_no order by started_us
            rows between unbounded preceding and current row
        ),
        ''
    ) as last_click_campaign,
    draw(visit_no, 'unattributed') < 0.05 as is_unattributed,
    pick(['maru9', 'maru9', 'maru9', 'maru9', 'maru5', 'maru5', 'maru5', 'maru3', 'maru3'],
        draw(visit_no, 'model')) as model,
    pick(['yeouido', 'yeouido', 'gangnam', 'pangyo', 'haeundae'], draw(visit_no, 'branch'))
        as branch,
    -- Whole visits that a phone sends hours later: never one that changes who is known.
    case when device_kind = 'personal' and login = 'none'
        and kind in ('neutral', 'model', 'branch', 'shop') and draw(visit_no, 'late') < 0.02
        then us_hours(5 + draw(visit_no, 'late_hours') * 55)
        else 0
    end as late_us,
    case when device_kind = 'bot' then 1000000
        else (8 + floor(draw(visit_no, 'pace') * 45)::bigint) * 1000000 end as pace_us
from with_campaign
order by visit_no;

drop table all_visits;
