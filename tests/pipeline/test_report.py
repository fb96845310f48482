"""The page: right numbers from the published marts alone, nothing from outside, clear refusals."""

import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
import yaml

from madang import reports
from madang.settings.workspace import Settings, load_settings

REPOSITORY = Path(__file__).parents[2]
MARU = REPOSITORY / "examples" / "maru"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
# Chromium asks its maker about time and updates on its own; those names lead nowhere here.
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

needs_charts = pytest.mark.skipif(
    find_spec("dbt_charts") is None, reason="dbt Charts (the extra 'reports') is not installed"
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

# 1 November is not over at as_of: its 9,999 sessions belong to no period. Over the 28 days to
# 31 October: Organic Search 100 sessions a day, Direct 20; over the 28 before: 80 and 20.
CHANNEL_DAYS = """
    select
        cast(day as date) as activity_date,
        channel_group,
        case
            when channel_group = '(no web session)' then 0
            when day = date '2026-11-01' then 9999
            when channel_group = 'Direct' then 20
            when day > date '2026-10-03' then 100
            else 80
        end as sessions,
        10 as engaged_sessions,
        5 as known_sessions,
        case channel_group when 'Direct' then 1 when 'Organic Search' then 3 else 0 end
            as applications,
        4 as fulfilled,
        1 as fulfilled_taken_back,
        7 as orders,
        2 as orders_taken_back,
        case when channel_group = '(no web session)' then 1000.0 else 10000.0 end
            as net_order_amount,
        case when channel_group <> '(no web session)'
            and day in (date '2026-10-31', date '2026-09-10') then 3 else 0 end
            as orders_without_rate
    from range(date '2026-09-06', date '2026-11-02', interval 1 day) as days (day)
    cross join (values ('Organic Search'), ('Direct'), ('(no web session)'))
        as channels (channel_group)"""
FUNNEL = """
    select * from (values
        ('test_drive', '시승 신청', 1, '모델 조회', 4321, 1.0, null, 1000, 2021, null),
        ('test_drive', '시승 신청', 2, '신청 클릭', 1300, 0.3009, 0.3009, 100, 550, 75.0),
        ('test_drive', '시승 신청', 3, '신청 완료', 650, 0.1504, 0.5, 30, 120, 116.0),
        ('test_drive', '시승 신청', 4, '방문', 500, 0.1157, 0.7692, 0, 0, 759600.0),
        ('shop', '구매 퍼널', 1, '상품 조회', 77, 1.0, null, 0, 70, null),
        ('shop', '구매 퍼널', 2, '구매', 7, 0.0909, 0.0909, 0, 0, 60.0)
    ) as steps (
        funnel, label, step_number, step_label, subjects, rate_from_first, rate_from_previous,
        lost_here, open_here, median_seconds_from_previous
    )
    cross join (select '30 days' as time_window) as windows"""
WATERFALL = """
    select * from (values
        ('flagship', '플래그십 관심 고객', 1, 'candidates', null, 2960),
        ('flagship', '플래그십 관심 고객', 2, 'lost', 'anonymous', 1058),
        ('flagship', '플래그십 관심 고객', 3, 'members', null, 1902),
        ('flagship', '플래그십 관심 고객', 4, 'lost', 'no_consent', 164),
        ('flagship', '플래그십 관심 고객', 5, 'lost', 'withdrawn', 147),
        ('flagship', '플래그십 관심 고객', 6, 'lost', 'no_address', 66),
        ('flagship', '플래그십 관심 고객', 7, 'contactable', null, 1525)
    ) as steps (audience, label, step_number, step, reason, subjects)"""
MEMBERS = """
    select 'flagship' as audience, cast(n as varchar) as person_id, n < 1525 as is_contactable
    from range(1902) as persons (n)"""
SYNCS = """
    select
        'plan-2' as plan_id, 'braze_audiences' as sync, 'braze' as destination,
        timestamp '2026-10-31 23:10:00' as planned_at, 'partial' as status,
        1400 as adds, 20 as changes, 5 as removes, 0 as unchanged, 377 as held_back,
        1 as runs, 1411.0 as accepted, 8.0 as rejected, 6.0 as skipped, 29.0 as requests,
        timestamp '2026-10-31 23:15:00' as started_at,
        timestamp '2026-10-31 23:16:00' as finished_at"""
MATCHES = """
    select
        *, rejected as invalid, 0 as unknown, date '2026-10-19' + 7 * later as week,
        low as match_rate_low, high as match_rate_high,
        if(destination = 'meta', 1000, null) as list_people_low,
        if(destination = 'meta', 1100, null) as list_people_high
    from (values
        ('google', 'members', 'flagship', 'email', 1200, 1190, 1150, 10, 1, 0.61, 0.7),
        ('google', 'members', 'flagship', 'phone', 310, 310, 310, 0, 1, 0.61, 0.7),
        ('google', 'members', 'flagship', 'phone', 9999, 9999, 0, 0, 0, 0.31, 0.4),
        ('meta', 'members', 'flagship', 'email', 1100, 990, 0, 110, 1, null, null),
        ('google', 'conversions', null, 'gclid email phone', 77, 77, 70, 0, 1, null, null),
        ('ga4', 'conversions', null, 'client_id', 41, 41, 0, 0, 1, null, null)
    ) as sent_keys (
        destination, kind, audience, match_key, sent, accepted, applied, rejected, later, low, high
    )"""
HISTORY = """
    select * from (values
        ('braze_audiences', 'flagship', 'email', 1902, 377, 1525, 1391, 4, 1401, 1234, 7, 3,
            timestamp '2026-10-31 23:10:00'),
        ('braze_audiences', 'flagship', 'email', 8888, 0, 0, 0, 0, 0, 0, 0, 0,
            timestamp '2026-10-30 23:10:00')
    ) as plans (
        sync, audience, channel, size, held_back, allowed, added, removed, accepted, applied,
        rejected, unknown, planned_at
    )"""
# 1.6448536 x sqrt(16 + 3 x 3) = 8.22: 80 lies between 72 and 88
RETURNS = """
    select 'last_non_direct' as model, 'Paid Search' as channel_group, 7 as conversions,
        5 as verified_conversions, 1 as reversed_conversions, 6.0 as expected_conversions,
        1234.0 as online_value, 900.0 as verified_value, 123.0 as reversed_value,
        80.0 as expected_value, 16.0 as expected_value_variance, 3.0 as expected_value_error
    union all
    select 'last', 'Paid Search', 99999, 0, 0, 0, 0, 0, 0, 0, 0, 0"""
CAMPAIGN_DAYS = """
    select * from (values
        ('Paid Search', 'google', 'brand', 'cost_and_sessions', 400.0, 0, 11, 21, 31),
        ('Display', 'naver', 'banner', 'cost_alone', 77.0, 2, 1, 22, 0)
    ) as days (
        channel_group, platform, campaign, meets, cost, costs_without_rate, platform_conversions,
        clicks, sessions
    )"""
CURVES = """
    select 'charger' as conversion_type, 'verification' as transition, true as is_now,
        true as is_pooled, day, day / 40.0 as share_1, day / 100.0 as share_2
    from range(30) as days (day)"""
PATHS = """
    select * from (values ('Paid Search > Direct', true), ('Direct', false))
    as paths (path, is_converted)"""
DROPOFF_SUMMARY = """
    select * from (values
        ('test_drive', 3, 'no_show', 'Email', 30, 28, 21),
        ('test_drive', 3, 'no_show', 'Direct', 10, 9, 4),
        ('test_drive', 3, 'own_reason', 'Direct', 120, 60, 30)
    ) as stopped (
        funnel, step_number, reason, channel_group, dropoffs, known_persons, reachable
    )"""
DROPOFF = """
    select * from (values
        ('test_drive', 3, 'person-1', 'no_show', 'Email', 'email_w03', 17, true, 'email, kakao'),
        ('test_drive', 3, 'person-2', 'no_show', 'Email', 'email_w03', 18, false, null)
    ) as stopped (
        funnel, step_number, person_id, reason, last_channel_group, last_campaign, days_since,
        is_reachable, reachable_channels
    )"""
ACTUALS = """
    select * from (values
        ('charger', 'Direct', true, 40, 25, 0, 10, 5, 15, 7000.0, 6543.0),
        ('charger', 'Direct', false, 333, 3, 330, 0, 0, 330, 8000.0, 21.0)
    ) as days (
        conversion_type, channel_group, is_mature, online, actual, pending, lost, reversed, gap,
        online_value, actual_value
    )"""
OPT_IN = """
    select * from (values
        ('email', date '2026-09-01', true, 200, 150, 12, 6),
        ('email', date '2026-10-01', true, 200, 120, 4, 30),
        ('email', date '2026-10-01', true, 50, 0, 0, 0),
        ('email', date '2026-11-01', false, 250, 119, 0, 1),
        ('ads', date '2026-10-01', true, 250, 0, 0, 0)
    ) as months (channel, month, is_complete, people, opted_in, granted, withdrawn)"""
REWARDS = """
    select * from (values
        ('coupon', 'sms', 40, 32, 120000.0, 3750.0, 0.625, null, 0.3125),
        ('(none)', 'sms', 75, 75, null, null, 0.96, 0.88, 0.0)
    ) as results (
        campaign, channel, yeses, grants, cost, cost_per_grant, survival_30, survival_90,
        reward_hunter_share
    )"""
FATIGUE = """
    select * from (values
        ('email', 7, 0, false, 9, 9000.0, 1.0, 0.457, 1.898),
        ('email', 7, 5, true, 3, 400.0, 7.5, 1.508, 21.916),
        ('email', 30, 0, false, 0, 0.0, null, null, null)
    ) as counts (
        channel, window_days, messages, is_or_more, withdrawals, person_days, per_1000_days,
        per_1000_days_low, per_1000_days_high
    )"""
DUE = """
    select * from (values
        ('reconfirmation', 'email', 'overdue'), ('reconfirmation', 'email', 'overdue'),
        ('consent_result', 'sms', 'sent_late')
    ) as due (kind, channel, state)"""
INQUIRY_GROUPS = """
    select * from (values
        (date '2026-10-05', 'refund', 30, 3, 2, 1), (date '2026-10-12', 'refund', 12, 0, 1, 1),
        (date '2026-10-05', 'own_group', 14, 7, 0, 0)
    ) as weeks (
        week, inquiry_group, inquiries, reopened_inquiries, open_inquiries,
        inquiries_without_person
    )"""
INQUIRIES = """
    select 'chat' as route, true as is_root, case when n < 21 then 'person' end as person_id
    from range(56) as inquiries (n)
    union all
    select 'chat', false, null from range(7)"""
INQUIRY_ORDERS = """
    select * from (values
        ('q1', 'number', 1.0), ('q2', 'person_and_time', 0.6543), ('q3', 'no_order_near', null)
    ) as matched (inquiry_id, match_method, confidence)"""
CONTRAST = """
    select * from (values
        ('all', 'refund', 42, 87.5, 3.5, 40, 0.45, 0.15, 3.0, 0.1234, 0.4567),
        ('product', 'refund', 909, 1.0, 1.0, 1, 0.1, 0.1, 1.0, 0.0, 0.1)
    ) as rows_of (
        dimension, inquiry_group, inquiries, inquiries_per_1000_orders, median_days_from_order,
        orders_with, taken_back_rate_with, taken_back_rate_without, taken_back_lift,
        taken_back_difference_low, taken_back_difference_high
    )"""
POINTS = """
    select * from (values
        ('product', 1, 'Cable', 'refund', 19, 2.75, true, 1.5, 78.4),
        ('campaign', 1, 'spring_campaign', 'refund', 19, 2.75, true, 1.5, 78.4)
    ) as points (
        dimension, place, value, inquiry_group, volume, lift, is_lift_certain, trend, score
    )"""
# Messages by tier and audience, and in-app messages, which have no delivery.
PERFORMANCE = """
    select
        breakdown, channel, tier, audience, 'c-' || channel as campaign_id, campaign_name,
        reached + 7 as messages, reached, 3 as clicked, 2 as mature_converted,
        case when channel = 'email' then 0.321 end as open_rate,
        case when channel = 'email' then 0.281 end as open_rate_low,
        case when channel = 'email' then 0.361 end as open_rate_high,
        0.056 as click_rate, 0.041 as click_rate_low, 0.076 as click_rate_high,
        0.017 as conversion_rate, 0.009 as conversion_rate_low, 0.032 as conversion_rate_high,
        0.004 as unsubscribe_rate, 11 as conversions, 5 as verified_conversions,
        6543210.0 as verified_value, 4711.0 as cost, 38 as in_other_group,
        breakdown <> 'campaign' as is_mature
    from (values
        ('channel', 'email', null, null, null, 537),
        ('channel', 'in_app_message', null, null, null, 826),
        ('tier', 'email', 'VVIP', null, null, 137),
        ('tier', 'email', null, null, null, 400),
        ('tier', 'in_app_message', 'VVIP', null, null, 826),
        ('audience', 'email', null, 'likely', null, 95),
        ('campaign', 'email', null, null, 'Autumn', 538),
        ('campaign', 'in_app_message', null, null, 'Welcome', 827)
    ) as t (breakdown, channel, tier, audience, campaign_name, reached)
"""
EXPERIMENTS = """
    select * from (values
        ('madang', 'flagship', 'measured', 10.0, 5432, 603, 41, 7, 2, 0.6543),
        ('braze', 'lapsed', 'sample_ratio', 20.0, 888, 111, 0, 0, 0, 0.0001)
    ) as experiments (
        source, experiment, status, share, treated_persons, holdout_persons, persons_waiting,
        persons_in_both_arms, holdout_exposed, sample_ratio_p
    )"""
LIFT = """
    select *, 'measured' as status, difference as adjusted_difference,
        difference_low as adjusted_low, difference_high as adjusted_high
    from (values
        ('flagship', 'order', 'conversion_rate', 0.123, 0.1, 0.023, 0.0114, 0.0345, 125, 62, 187,
            true),
        ('flagship', 'order', 'value_per_person', 9100, 8000, 1100, -150, 2350, 5975200, -814800,
            12765200, false)
    ) as lift (
        experiment, conversion_type, metric, treated, holdout, difference, difference_low,
        difference_high, incremental, incremental_low, incremental_high, is_significant
    )"""
# A week and a day. Of each day's 100 sessions 30 are of known people, on the last day 37: over the
# seven days to it 31 %. Orders came on the last day alone, 3 of 4 parts by known people.
COVERAGE = """
    select
        cast(day as date) as activity_date, 'Organic Search' as channel_group,
        case when day = date '2026-10-31' then 37 else 30 end as known_sessions,
        case when day = date '2026-10-31' then 63 else 70 end as unknown_sessions,
        case when day = date '2026-10-31' then 7500.0 else 0.0 end as known_order_amount,
        case when day = date '2026-10-31' then 2500.0 else 0.0 end as unknown_order_amount
    from range(date '2026-10-24', date '2026-11-01', interval 1 day) as days (day)"""
EXPANSION = """
    select * from (values ('email', 60, 44, 4321, 2222, 2178, 2099, 777)) as reach (
        channel, leads, reachable_before, identified, reachable_after, gained,
        identified_not_contactable, unknown_devices
    )"""
RFM = """
    select * from (values ('champions', 5, 600.0), ('champions', 4, 300.0), ('asleep', 1, 100.0))
        as buyers (rfm_group, orders, order_amount)"""
NEXT = "select 'wallbox' as next_category, 'bought_together' as method from range(17)"
MARTS = {
    "identity_coverage": COVERAGE,
    "audience_expansion": EXPANSION,
    "customer_rfm": RFM,
    "next_categories": NEXT,
    "campaign_performance": PERFORMANCE,
    "experiments": EXPERIMENTS,
    "lift": LIFT,
    "opt_in_rates": OPT_IN,
    "reward_campaign_results": REWARDS,
    "consent_fatigue": FATIGUE,
    "consent_due": DUE,
    "inquiries": INQUIRIES,
    "inquiry_groups": INQUIRY_GROUPS,
    "inquiry_orders": INQUIRY_ORDERS,
    "inquiry_order_contrast": CONTRAST,
    "improvement_points": POINTS,
    "funnel_dropoff": DROPOFF,
    "funnel_dropoff_summary": DROPOFF_SUMMARY,
    "online_vs_actual": ACTUALS,
    "campaign_returns": RETURNS,
    "campaign_days": CAMPAIGN_DAYS,
    "maturity_curves": CURVES,
    "attribution_paths": PATHS,
    "channel_days": CHANNEL_DAYS,
    "funnel_overview": FUNNEL,
    "audience_waterfall": WATERFALL,
    "audience_members": MEMBERS,
    "sync_results": SYNCS,
    "audience_history": HISTORY,
    "match_quality": MATCHES,
}


def workspace(root: Path, marts: dict[str, str]) -> Settings:
    """Make a workspace with the repository's boards and the marts published."""
    (root / "marts").mkdir(parents=True)
    for name, sql in marts.items():
        duckdb.sql(sql).write_parquet(str(root / "marts" / f"{name}.parquet"))
    (root / "madang.yml").write_text(
        f"version: 1\nas_of: 2026-11-01T12:00:00+09:00\nproject: {json.dumps(str(MARU))}\n",
        encoding="utf-8",
    )
    return load_settings(root / "madang.yml")


def words_of(page: Path) -> str:
    """Return what a reader reads: the text between the tags, one piece a line."""
    html = re.sub(r"<(style|script)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.S)
    return "\n".join(text.strip() for text in re.findall(r">([^<]+)<", html) if text.strip())


def requests_of(page: Path, folder: Path) -> list[str]:
    """Open the page in a browser; return every address that the page asked for over a network."""
    log = folder / "net.json"
    command = [BROWSER, *QUIET, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}"]
    command += ["--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
    subprocess.run(command, capture_output=True, timeout=120, check=True)
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = [event.get("params", {}) for event in events]
    # What the browser asks for by itself has no origin that started it.
    urls = {str(a["url"]) for a in asked if a.get("initiator", "not an origin") != "not an origin"}
    return sorted(url for url in urls if not url.startswith(("file:", "data:")))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one workspace, below a folder with a space and Korean letters in its name."""
    root = tmp_path_factory.mktemp("report") / "작업 공간"
    return reports.render(workspace(root, MARTS))


@needs_charts
def test_the_page_shows_the_numbers_of_the_marts(page: Path) -> None:
    words = words_of(page).splitlines()
    # 28 x 120 sessions, 28 x 4 applications; 120 a day after 100 a day
    # what was fulfilled less what was taken back, 28 x 3 x (4 - 1); orders, 28 x 3 x (7 - 2)
    for shown in ("3,360", "112", "+20.0% 직전 28일 대비", "588,000", "252", "420"):
        assert shown in words
    # of what came from no session its own row: 28 x 3 fulfilled, 28 x 5 orders
    for shown in ("웹 세션 없음", "84", "140", "28,000"):
        assert shown in words
    assert not any("9,999" in text or "13,3" in text for text in words)
    # the funnels: subjects, rates, the median time in words
    for shown in ("시승 신청", "구매 퍼널", "9.1"):
        assert shown in words
    for shown in ("4,321", "1,300", "30.1", "76.9", "1분 15초", "8일 19시간", "2,021", "30일"):
        assert shown in words
    # the waterfall: every loss with its sign, and both sums
    for shown in ("2,960", "−1,058", "1,902", "−164", "−147", "−66", "1,525", "80.2"):
        assert shown in words
    # the last sync: planned, accepted, rejected, skipped, held back, requests; the time in Seoul
    for shown in ("1,425", "1,411", "8", "6", "377", "29", "일부 성공", "2026-11-01 08:16"):
        assert shown in words
    # the audiences of the last plan, and not of an older one
    for shown in ("1,391", "1,401", "1,234"):
        assert shown in words
    assert "8,888" not in words
    told = words_of(page).replace("\n", " ")
    assert "2026-10-04 – 2026-10-31" in told
    # three orders of each channel on one of the recent days
    assert "순매출에 넣지 않은 다른 통화의 주문이 최근 28일에 6건 있습니다" in told


@needs_charts
def test_the_page_of_returns_shows_each_channel_under_one_model(page: Path) -> None:
    words = words_of(page.parent / "returns.html").splitlines()
    # cost, claims, online, verified less reversed, values, the expected one with its interval
    for shown in ("Paid Search", "400", "11", "7", "4", "1,234", "777", "80", "72", "88"):
        assert shown in words
    assert not any("99,999" in text for text in words)
    # cost that meets no visit, a path that converts, and none that does not
    for shown in ("banner", "77", "Paid Search &gt; Direct"):
        assert shown in words
    assert "Direct" not in words
    told = " ".join(words)
    assert "넣지 않은 다른 통화의 광고비가 2건 있습니다" in told


@needs_charts
def test_the_page_of_journeys_shows_reasons_who_can_be_reached_and_what_is_not_mature(
    page: Path,
) -> None:
    words = words_of(page.parent / "journeys.html").splitlines()
    # 40 of the step's 160 for one reason over both channels, 25 of them reachable
    for shown in ("시승 신청", "신청 완료", "노쇼", "own_reason", "40", "25.0", "25", "37", "120"):
        assert shown in words
    # only who can be reached
    for shown in ("person-1", "email_w03", "17", "email, kakao"):
        assert shown in words
    assert "person-2" not in words
    # 15 of 40 in the mature row, which the other is not added to
    for shown in ("기간 종료", "진행 중", "37.5", "6,543", "333", "99.1"):
        assert shown in words
    assert not any("373" in text for text in words)


@needs_charts
def test_the_page_of_messages_has_tiers_beside_audiences_and_in_app_messages_apart(
    page: Path,
) -> None:
    words = words_of(page.parent / "messages.html").splitlines()
    for shown in ("VVIP", "likely", "오디언스", "등급 없음", "137", "95", "32.1", "38"):
        assert shown in words
    # an impression is no delivery: it is in the table of in-app messages alone
    assert words.count("827") == 1 and "826" not in words
    assert words.index("827") > words.index("인앱 메시지")
    for shown in ("Autumn", "538", "진행 중", "6,543,210", "4,711", "Welcome"):
        assert shown in words


@needs_charts
def test_older_orders_are_no_sessions_to_compare_with(tmp_path: Path) -> None:
    days = f"""
        select * from ({CHANNEL_DAYS}) where activity_date > date '2026-10-03'
        union all
        select * replace (date '2020-01-01' as activity_date) from ({CHANNEL_DAYS})
        where channel_group = '(no web session)' and activity_date = date '2026-10-31'
        union all
        select * replace (date '2026-11-03' as activity_date) from ({CHANNEL_DAYS})
        where channel_group = '(no web session)' and activity_date = date '2026-10-31'"""
    marts = {**MARTS, "channel_days": days}
    told = words_of(reports.render(workspace(tmp_path / "old", marts)))
    assert told.count("비교할 직전 28일 없음") == 4
    assert "2026-10-04 – 2026-10-31" in told.replace("\n", " ")


@needs_charts
def test_the_page_of_consent_shows_the_last_month_that_is_over_and_what_rewards_kept(
    page: Path,
) -> None:
    words = words_of(page.parent / "consent.html").splitlines()
    # 120 of 200 and 0 of 50; 30 of the 150 yeses that stood in October went
    for shown in ("수신 동의율", "48.0", "20.0", "250", "coupon", "120,000", "3,750", "62.5"):
        assert shown in words, shown
    for shown in ("리워드 없음", "5건 이상", "7.5", "2년 수신동의 확인", "14일 처리결과 통지"):
        assert shown in words, shown
    assert "30일" not in words, "a window without time has no row"


@needs_charts
def test_the_page_of_customers_shows_how_many_are_known_and_what_that_is_worth(page: Path) -> None:
    words = words_of(page.parent / "customers.html").splitlines()
    # 30 of 100 for seven days, 37 on the eighth; 90 % of the amount is of two of three buyers
    for shown in ("247", "553", "30.9", "7,500", "2,178", "champions", "66.7", "90.0", "wallbox"):
        assert shown in words, shown


@needs_charts
def test_the_page_loads_nothing_from_outside(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in html[: html.index("<style")]
    loads = re.findall(
        r"""(?:src|srcset|poster|data|action)\s*=\s*["']?\s*(?:https?:)?//[^"'\s>]+"""
        r"""|url\(\s*["']?(?:https?:)?//[^)]+|@import[^;]+|<link\b[^>]+>""",
        html,
    )
    assert loads == []
    assert "dbtcharts.com" not in html


@needs_charts
@needs_browser
def test_a_browser_that_opens_the_page_asks_nobody_for_anything(page: Path, tmp_path: Path) -> None:
    assert requests_of(page, tmp_path) == []


@needs_charts
@needs_browser
def test_the_page_keeps_even_a_planted_picture_from_being_asked_for(
    page: Path, tmp_path: Path
) -> None:
    picture = '<img src="http://127.0.0.1:9/pixel.png">'
    planted = page.read_text(encoding="utf-8").replace("</body>", f"{picture}</body>")
    sealed, open_page = tmp_path / "sealed.html", tmp_path / "open.html"
    sealed.write_text(planted, encoding="utf-8")
    open_page.write_text(re.sub(r"<meta http-equiv=[^>]+>", "", planted, count=1), encoding="utf-8")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert requests_of(open_page, tmp_path / "a") == ["http://127.0.0.1:9/pixel.png"]
    assert requests_of(sealed, tmp_path / "b") == []


@needs_charts
def test_the_board_of_matching_says_what_platforms_found_and_by_which_key(page: Path) -> None:
    words = words_of(page.parent / "matching.html").splitlines()
    row = words.index("flagship")
    assert words[row - 1] == "google"
    assert words[row + 1 : row + 8] == [
        "2026-10-26~",
        "1,510",
        "1,500",
        "10",
        "0.7",
        "%",
        "61–70%",
    ]
    assert words[words.index("meta", row) : words.index("1000–1100")].count("알려 주지 않음") == 1
    assert words[words.index("전화번호") + 1] == "10,309"
    assert words[words.index("gclid + 이메일 + 전화번호") + 1] == "77"
    assert words[words.index("기기 ID") + 1] == "41"


@needs_charts
def test_rendering_leaves_nothing_but_the_page(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "consent.html",
        "customers.html",
        "index.html",
        "inquiries.html",
        "journeys.html",
        "lift.html",
        "matching.html",
        "messages.html",
        "returns.html",
    ]
    stage = reports._environment(tmp_path)
    assert stage["DO_NOT_TRACK"] == "1"
    assert stage["HOME"] == str(tmp_path)
    monkeypatch.setenv("MADANG_BRAZE_KEY", "secret")
    assert "secret" not in reports._environment(tmp_path).values()


@needs_charts
def test_only_pages_whose_marts_or_board_changed_are_drawn_again(page: Path) -> None:
    settings = load_settings(page.parent.parent / "madang.yml")
    before = {path.name: path.read_bytes() for path in page.parent.iterdir()}
    told: list[str] = []
    reports.render(settings, told.append)
    assert told[-1] == f"0 of {len(before)} boards"
    mart = settings.paths.marts / "match_quality.parquet"
    one_week = f"select * from ({MARTS['match_quality']}) where later = 1"
    duckdb.sql(one_week).write_parquet(str(mart))
    (page.parent / "lift.html").write_bytes(before["lift.html"][:-20])  # half a page
    reports.render(settings, told.append)
    assert told[-1] == f"2 of {len(before)} boards"
    after = {path.name: path.read_bytes() for path in page.parent.iterdir()}
    changed = sorted(name for name in before if after[name] != before[name])
    assert changed == ["lift.html", "matching.html"]
    duckdb.sql(MARTS["match_quality"]).write_parquet(str(mart))
    reports.render(settings)


@needs_charts
def test_a_workspace_where_nothing_happened_yet_says_so(tmp_path: Path) -> None:
    marts = {name: f"select * from ({sql}) where false" for name, sql in MARTS.items()}
    words = words_of(reports.render(workspace(tmp_path / "new", marts))).replace("\n", " ")
    for said in (
        "아직 전송한 적이 없습니다",
        "아직 퍼널에 들어온 사람이 없습니다",
        "지금 조건을 충족하는 사람이 없습니다",
    ):
        assert said in words
    assert "보류된 고객" not in words


@needs_charts
def test_a_mart_that_is_not_published_is_named(tmp_path: Path) -> None:
    marts = {name: sql for name, sql in MARTS.items() if name != "sync_results"}
    settings = workspace(tmp_path / "space", {**marts, "sync_result": SYNCS})
    with pytest.raises(reports.ReportError) as caught:
        reports.render(settings)
    assert "sync_results (charts/index.yml)" in caught.value.message
    assert "Did you mean 'sync_result'?" in caught.value.message
    assert caught.value.where == str(settings.paths.marts)
    assert "madang build" in caught.value.fix
    assert not settings.paths.site.exists()


@needs_charts
def test_a_mart_without_a_column_fails_with_its_query_and_keeps_the_last_page(
    tmp_path: Path,
) -> None:
    marts = {**MARTS, "channel_days": f"select * exclude (applications) from ({CHANNEL_DAYS})"}
    settings = workspace(tmp_path / "space", marts)
    settings.paths.site.mkdir()
    last = settings.paths.site / "index.html"
    last.write_text("the page of yesterday", encoding="utf-8")
    with pytest.raises(reports.ReportError) as caught:
        reports.render(settings)
    assert "applications" in caught.value.message
    assert "Traceback" not in str(caught.value)
    assert caught.value.where == (
        "charts/consent.yml, charts/customers.yml, charts/index.yml, charts/inquiries.yml, "
        "charts/journeys.yml, charts/lift.yml, charts/matching.yml, charts/messages.yml, "
        "charts/returns.yml"
    )
    assert last.read_text(encoding="utf-8") == "the page of yesterday"
    assert [path.name for path in settings.paths.site.iterdir()] == ["index.html"]


@needs_charts
def test_a_damaged_mart_is_named(tmp_path: Path) -> None:
    settings = workspace(tmp_path / "space", MARTS)
    damaged = settings.paths.marts / "audience_members.parquet"
    damaged.write_bytes(damaged.read_bytes()[:40])
    with pytest.raises(reports.ReportError) as caught:
        reports.render(settings)
    assert caught.value.where == str(damaged)


def test_without_the_extra_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = workspace(tmp_path / "space", MARTS)
    monkeypatch.setattr(reports, "find_spec", lambda _: None)
    with pytest.raises(reports.ReportError) as caught:
        reports.render(settings)
    assert "pip install 'madang[reports]'" in caught.value.fix


@needs_charts
def test_the_page_of_lift_shows_what_sending_changed_and_why_there_is_no_result(page: Path) -> None:
    words = words_of(page.parent / "lift.html").splitlines()
    for shown in ("측정됨", "나뉜 비율이 이상함", "5,432", "603", "확실함", "아직 모름"):
        assert shown in words
    # rates in per cent, amounts whole, each with both ends of its interval
    for shown in ("12.3", "10.0", "2.3", "125", "62", "187", "9,100", "1,100", "5,975,200"):
        assert shown in words


@needs_charts
def test_the_page_of_inquiries_shows_groups_over_all_weeks_and_what_goes_with_refunds(
    page: Path,
) -> None:
    words = words_of(page.parent / "inquiries.html").splitlines()
    # 42 of 56 in two weeks, 3 of them asked again; a group of the company's own by its name
    for shown in ("환불·반품", "42", "75.0", "7.1", "own_group", "50.0"):
        assert shown in words
    # merged ones are no second matter: 56 by chat, 21 of known persons
    for shown in ("채팅", "56", "37.5"):
        assert shown in words
    assert "63" not in words
    for shown in ("87.5", "45.0", "15.0", "12.3", "45.7", "Cable", "19", "65.4", "고객과 시점으로"):
        assert shown in words
    assert "spring_campaign" not in words
    assert "909" not in words


def test_a_project_without_the_board_is_told_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "dbt_project.yml").write_text("name: other\n")
    (tmp_path / "madang.yml").write_text("version: 1\nproject: project\n")
    with pytest.raises(reports.ReportError) as caught:
        reports.render(load_settings(tmp_path / "madang.yml"))
    assert caught.value.where == str(tmp_path / "project" / "charts" / "index.yml")


def test_the_exposure_of_the_page_names_what_the_boards_read() -> None:
    read = {
        name
        for board in (REPOSITORY / "charts").glob("*.yml")
        for name in re.findall(r"ref\('(\w+)'\)", board.read_text(encoding="utf-8"))
    }
    file = REPOSITORY / "models/marts/_marts__exposures.yml"
    (page,) = yaml.safe_load(file.read_text(encoding="utf-8"))["exposures"]
    assert {name.split("'")[1] for name in page["depends_on"]} == read


def test_each_text_of_the_boards_has_its_english_words() -> None:
    folder = REPOSITORY / "charts"
    words = yaml.safe_load((folder / "words/en.yml").read_text(encoding="utf-8"))
    for board in sorted(folder.glob("*.yml")):
        english = reports._in_words(yaml.safe_load(board.read_text(encoding="utf-8")), words)
        text = yaml.safe_dump(english, allow_unicode=True)
        assert re.findall("[가-힣].*", text) == [], board.name
