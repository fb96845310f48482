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
        'AI Assistant')
) as t (origin_no, weight, source, medium, campaign, click_id, referrer, channel_group);

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

-- A visit that is running at the very moment at which the ownership rule begins or ends
-- (30 days before a device's first login, 90 days after its last) would be known in one
-- half: nobody could say whose it is, so there are none.
create table visits as
with logins as (
    select
        device_no,
        min(started_us) as first_us,
        max(started_us) as last_us
    from all_visits
    where login != 'none'
    group by device_no
),

kept as (
    select all_visits.*
    from all_visits
    left join logins using (device_no)
    where logins.device_no is null
        or (
            abs(started_us - (logins.first_us - us_days(30))) > us_hours(2)
            and abs(started_us - (logins.last_us + us_days(90))) > us_hours(2)
        )
),

numbered as (
    select
        row_number() over (order by started_us, device_no) as visit_no,
        row_number() over (partition by device_no order by started_us) as nth,
        kept.*
    from kept
),

with_device as (
    select
        numbered.* exclude (started_us),
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
        end as origin_no
    from numbered
    inner join devices on devices.device_no = numbered.device_no
)

select
    with_device.*,
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
from with_device
order by visit_no;

drop table all_visits;
