"""Every shape of the GA4 export becomes the same events: formats, parts, ages, properties."""

import json
from pathlib import Path

import duckdb
import pytest

from demo_workspace import REPOSITORY, WITHOUT_TESTS, Company, Tables, emptied, tables_of
from export_files import BUYING, EVENTS, copy, hit, old, user, visit, write, write_users
from madang.build.build import build
from madang.build.dbt import BuildError, run_dbt
from madang.errors import ConfigError
from madang.settings.workspace import load_settings
from raw_events import event

MODELS = ["placeholder_ids", "stg_builds__days", "base_ga4__shards", "base_ga4__events"]
MODELS += ["stg_ga4__events"]
PEOPLE = ["base_ga4__user_shards", "base_ga4__users", "stg_ga4__users", "stg_ga4__user_audiences"]
DAY = "20261030"


@pytest.fixture
def root(scratch: Path) -> Path:
    """An empty workspace, with the settings of the others' again afterwards."""
    emptied(scratch)
    settings = (scratch / "madang.yml").read_text(encoding="utf-8")
    yield scratch
    (scratch / "madang.yml").write_text(settings, encoding="utf-8")
    emptied(scratch)


@pytest.fixture
def day(company: Company) -> str:
    """A query of a day's events."""
    return f"from '{company.root / 'ga4' / f'events_{DAY}.parquet'}'"


def with_properties(root: Path, *properties: dict) -> None:
    path = root / "madang.yml"
    listed = json.dumps(properties)
    path.write_text(path.read_text(encoding="utf-8") + f"ga4: {{properties: {listed}}}\n")


def of_stream(name: str, day: str) -> str:
    """The day's events as those of a stream: no two properties share one."""
    return f"select * replace ('{name}' as stream_id) {day}"


def property_of(name: str, **more: str) -> dict:
    return {"id": name, "timezone": "Asia/Seoul", **more}


def built(root: Path, models: list[str] = MODELS) -> None:
    assert build(load_settings(root), models) == 0


def shapes_differ(tables: Tables, first: str, second: str) -> int:
    """Events of one property that the other does not have, but for what names the property."""
    apart = "property_id, event_key, session_key, stream_id"
    events = "select * exclude ({}) from madang_staging.stg_ga4__events where property_id = '{}'"
    one, other = events.format(apart, first), events.format(apart, second)
    return tables.value(f"select count(*) from (({one}) except all ({other}))")


# formats and parts


def test_a_day_is_the_same_in_every_format_and_in_parts(root: Path, day: str):
    with_properties(root, *(property_of(name) for name in ("whole", "lines", "parts")))
    ga4 = root / "ga4"
    copy(of_stream("1", day), ga4 / "whole" / f"events_{DAY}.parquet")
    copy(of_stream("2", day), ga4 / "lines" / f"events_{DAY}.json.gz")
    for part in range(3):
        copy(
            f"{of_stream('3', day)} where event_timestamp % 3 = {part}",
            ga4 / "parts" / f"events_{DAY}-{part:012}.parquet",
        )
    built(root)
    with tables_of(root) as tables:
        found = tables.rows(
            "select property_id, files, row_count, is_chosen from madang_staging.base_ga4__shards "
            "order by 1"
        )
        events = tables.value(
            "select count(*) from madang_staging.stg_ga4__events where property_id = 'whole'"
        )
        assert events > 500
        assert shapes_differ(tables, "whole", "lines") == 0
        assert shapes_differ(tables, "lines", "whole") == 0
        assert shapes_differ(tables, "whole", "parts") == 0
        assert shapes_differ(tables, "parts", "whole") == 0
    rows = duckdb.sql(f"select count(*) {day}").fetchall()[0][0]
    assert found == [
        ("lines", 1, None, True),
        ("parts", 3, rows, True),
        ("whole", 1, rows, True),
    ]


def test_a_day_in_two_formats_is_read_once(root: Path, day: str):
    copy(day, root / "ga4" / f"events_{DAY}.ndjson")
    copy(f"{day} limit 40", root / "ga4" / f"events_{DAY}.parquet")
    built(root)
    with tables_of(root) as tables:
        assert tables.rows("select location like '%.parquet' from madang_staging.base_ga4__shards")
        assert tables.value("select count(*) from madang_staging.stg_ga4__events") == 40


# ages


def test_an_export_of_2020_lies_beside_one_of_2026(root: Path, day: str):
    earlier = f"select * replace ('20201101' as event_date) {day}"
    copy(old(earlier), root / "ga4" / "events_20201101.parquet")
    copy(day, root / "ga4" / f"events_{DAY}.parquet")
    built(root)
    with tables_of(root) as tables:
        ages = tables.rows("""
            select event_date::text, count(*), count(distinct stream_id), count(browser) > 0,
                count(collected_source) > 0
            from madang_staging.stg_ga4__events group by 1 order by 1""")
    events = ages[0][1]
    assert events > 500
    assert ages == [
        ("2020-11-01", events, 1, True, False),
        ("2026-10-30", events, 1, True, True),
    ]


@pytest.mark.parametrize("shape", ["new", "old", "both"])
def test_only_the_columns_that_are_used_are_read(root: Path, day: str, shape: str):
    if shape != "old":
        copy(day, root / "ga4" / f"events_{DAY}.parquet")
    if shape != "new":
        copy(old(day), root / "ga4" / "events_20201101.parquet")
    settings = load_settings(root)
    built(root, ["stg_builds__days", "base_ga4__shards"])
    run_dbt(settings, ["compile", "--select", "base_ga4__events"])
    compiled = (root / "target/compiled/madang/models/staging/ga4/base_ga4__events.sql").read_text()
    reading = compiled.split("\nsource as (", 1)[1].split("\n),\n", 1)[0]
    plan = duckdb.sql(f"explain select event_name, device.category from ({reading})").fetchall()[0][
        1
    ]
    read = plan.split("Projections:", 1)[1].split("Estimated")[0]
    assert "event_name" in read
    assert "device" in read
    for other in ("items", "event_params", "ecommerce", "session_traffic"):
        assert other not in read


# properties


def test_an_amount_without_a_currency_is_in_the_property_s(root: Path):
    with_properties(root, property_of("111"), property_of("222", currency="USD"))
    said = [event("purchase", 1), event("purchase", 2, params={"currency": "JPY"})]
    for name in ("111", "222"):
        write(said, root / "ga4" / name / f"events_{DAY}.parquet", EVENTS)
    built(root, [*MODELS, "ga4_purchases"])
    with tables_of(root) as tables:
        found = tables.rows("""
            select property_id, currency from madang_staging.ga4_purchases
            order by property_id, event_at""")
    assert found == [("111", "KRW"), ("111", "JPY"), ("222", "USD"), ("222", "JPY")]


def test_a_property_without_a_time_zone_is_told_with_its_line(root: Path):
    with_properties(root, property_of("111"), {"id": "222"})
    with pytest.raises(ConfigError, match="The GA4 property 222 has no time zone") as told:
        load_settings(root)
    assert "madang.yml:" in told.value.where


def test_plain_dbt_stops_at_a_property_without_a_time_zone(root: Path, day: str):
    copy(day, root / "ga4" / f"events_{DAY}.parquet")
    without = {"ga4_properties": [{"id": "222"}]}
    with pytest.raises(BuildError, match="'222' in var\\('ga4_properties'\\) has no time zone"):
        run_dbt(load_settings(root), ["build", "--select", "base_ga4__shards"], variables=without)


def test_a_property_without_files_is_told_and_the_other_is_built(
    root: Path, day: str, capsys: pytest.CaptureFixture
):
    with_properties(root, property_of("111"), property_of("222"))
    copy(day, root / "ga4" / "111" / f"events_{DAY}.parquet")
    assert build(load_settings(root), MODELS) == 3
    assert f"left out: property 222: no files in {root / 'ga4' / '222'}" in capsys.readouterr().out
    with tables_of(root) as tables:
        assert tables.value("select count(*) from madang_staging.stg_ga4__events") > 500


def test_a_restated_day_of_one_property_leaves_the_others_alone(root: Path, day: str):
    with_properties(root, property_of("111"), property_of("222"))
    for name in ("111", "222"):
        copy(f"{of_stream(name, day)} limit 80", root / "ga4" / name / f"events_{DAY}.parquet")
    built(root)
    copy(f"{of_stream('222', day)} limit 90", root / "ga4" / "222" / f"events_{DAY}.parquet")
    built(root)
    with tables_of(root) as tables:
        counted = tables.rows(
            "select property_id, count(*) from madang_staging.stg_ga4__events group by 1 order by 1"
        )
    assert counted == [("111", 80), ("222", 90)]


# Universal Analytics


def test_sessions_of_universal_analytics_are_events(root: Path, day: str):
    with_properties(root, property_of("111"), property_of("ua", format="ga360"))
    copy(f"{day} limit 10", root / "ga4" / "111" / f"events_{DAY}.parquet")
    late = visit(
        "2.2", 1501660000, [hit(7, 0, "PAGE", "/late")], trafficSource={"source": "(direct)"}
    )
    for kind in (".parquet", ".json.gz"):
        (root / "ga4" / "ua").mkdir(exist_ok=True)
        for old_file in (root / "ga4" / "ua").iterdir():
            old_file.unlink()
        write([BUYING, late], root / "ga4" / "ua" / f"ga_sessions_20170801{kind}")
        built(root)
        with tables_of(root) as tables:
            found = tables.rows("""
                select event_name, page_location, param_source, ga_session_id, entrances,
                    transaction_id, purchase_revenue, currency, platform
                from madang_staging.stg_ga4__events
                where property_id = 'ua' and user_pseudo_id = '1.1' order by event_order""")
            direct = tables.rows("""
                select event_name, param_source, session_engaged, country, stream_id, event_at::text
                from madang_staging.stg_ga4__events where user_pseudo_id = '2.2'""")
        shop, visit_id, nothing = "https://shop.example", 1501583974, (None, None, None)
        assert found == [
            ("page_view", f"{shop}/list?x=1", "google", visit_id, 1, *nothing, "WEB"),
            ("view_item_list", f"{shop}/list?x=1", "google", visit_id, None, *nothing, "WEB"),
            ("영상_play", f"{shop}/list", None, visit_id, None, *nothing, "WEB"),
            ("page_view", f"{shop}/cup", None, visit_id, None, *nothing, "WEB"),
            ("view_item", f"{shop}/cup", None, visit_id, None, *nothing, "WEB"),
            ("add_to_cart", f"{shop}/cup", None, visit_id, None, *nothing, "WEB"),
            ("page_view", f"{shop}/checkout", None, visit_id, None, *nothing, "WEB"),
            ("checkout_progress", f"{shop}/checkout", None, visit_id, None, *nothing, "WEB"),
            ("page_view", f"{shop}/thanks", None, visit_id, None, *nothing, "WEB"),
            ("purchase", f"{shop}/thanks", None, visit_id, None, "T-1", 4.8, "KRW", "WEB"),
            ("view_item_list", f"{shop}/thanks", None, visit_id, None, *nothing, "WEB"),
        ]
        assert direct == [("page_view", None, "1", "South Korea", "ua", "2017-08-02 07:46:40")]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (
            True,
            [
                ("1.1", "Organic Search", "ga4_export", "google", "organic"),
                # its own word stands, whatever the source; and a company's own channel
                ("2.2", "Organic Search", "ga4_export", "(direct)", "(none)"),
                ("3.3", "동네 소식", "ga4_export", "news", "(none)"),
                ("4.4", "Direct", "rule", "(direct)", "(none)"),
            ],
        ),
        (
            False,
            [
                ("1.1", "Organic Search", "rule", "google", "organic"),
                ("2.2", "Direct", "rule", "(direct)", "(none)"),
                ("3.3", "Unassigned", "rule", "news", "(none)"),
                ("4.4", "Direct", "rule", "(direct)", "(none)"),
            ],
        ),
    ],
    ids=["its own", "by the rules"],
)
def test_the_channel_is_the_one_of_universal_analytics(
    root: Path, day: str, says: bool, expected: list[tuple]
):
    with_properties(root, property_of("111"), property_of("ua", format="ga360"))
    copy(f"{day} limit 10", root / "ga4" / "111" / f"events_{DAY}.parquet")
    (root / "ga4" / "ua").mkdir()
    views = [
        visit(
            device,
            1501660000,
            [hit(1, 0, "PAGE", "/"), hit(2, 9, "PAGE", "/more")],
            trafficSource={"source": source},
            channelGrouping=channel,
        )
        for device, source, channel in (
            ("2.2", "(direct)", "Organic Search"),
            ("3.3", "news", "동네 소식"),
            ("4.4", "(direct)", None),
        )
    ]
    write([BUYING, *views], root / "ga4" / "ua" / "ga_sessions_20170801.json.gz")
    run_dbt(
        load_settings(root),
        ["build", *WITHOUT_TESTS, "--select", "+sessions", "--full-refresh"],
        variables={"channel_groups_from_export": says, "lose_gone_days": True},
    )
    with tables_of(root) as tables:
        assert (
            tables.rows("""
            select device_id, channel_group, channel_method, source, medium
            from madang_activity.sessions where property_id = 'ua' order by 1""")
            == expected
        )


# people


def people(root: Path) -> list[tuple]:
    with tables_of(root) as tables:
        return tables.rows("""
            select user_kind, coalesce(user_id, user_pseudo_id), shard_date::text,
                is_ads_personalization_allowed, purchase_probability_7d
            from madang_staging.stg_ga4__users order by all""")


def test_people_are_as_they_were_exported_last(root: Path, day: str):
    copy(f"{day} limit 10", root / "ga4" / f"events_{DAY}.parquet")
    ga4 = root / "ga4"
    write_users(
        [user("a", "20261030"), user("b", "20261030")], ga4 / "pseudonymous_users_20261030.parquet"
    )
    write_users([user("C-1", "20261030", key="user_id")], ga4 / "users_20261030.json.gz")
    built(root, PEOPLE)
    assert people(root) == [
        ("pseudonymous", "a", "2026-10-30", True, 0.25),
        ("pseudonymous", "b", "2026-10-30", True, 0.25),
        ("user", "C-1", "2026-10-30", True, 0.25),
    ]

    unsure = {"is_ads_personalization_allowed": "(not set)"}
    left = [{"id": 2, "name": "Buyers"}]
    write_users(
        [user("a", "20261031", privacy_info=unsure, audiences=left)],
        ga4 / "pseudonymous_users_20261031.parquet",
    )
    write_users(
        [user("b", "20261029", predictions={"purchase_score_7d": 0.9})],
        ga4 / "pseudonymous_users_20261029.parquet",
    )  # late: it says nothing new of b
    built(root, PEOPLE)
    after = [
        ("pseudonymous", "a", "2026-10-31", False, 0.25),
        ("pseudonymous", "b", "2026-10-30", True, 0.25),
        ("user", "C-1", "2026-10-30", True, 0.25),
    ]
    assert people(root) == after
    with tables_of(root) as tables:
        members = tables.rows("""
            select coalesce(user_id, user_pseudo_id), audience_name,
                is_excluded_from_personalized_ads
            from madang_staging.stg_ga4__user_audiences
            join madang_staging.stg_ga4__users using (user_key) order by all""")
    assert members == [
        ("C-1", "All users", False),
        ("a", "Buyers", True),
        ("b", "All users", False),
    ]
    assert build(load_settings(root), PEOPLE, full_refresh=True) == 0
    assert people(root) == after


def test_without_tables_about_people_there_are_none(root: Path, day: str):
    copy(f"{day} limit 10", root / "ga4" / f"events_{DAY}.parquet")
    built(root, PEOPLE)
    assert people(root) == []


# the real sample


@pytest.mark.reference
def test_the_public_sample_lies_beside_todays_export(root: Path, day: str, reference: Path):
    with_properties(root, property_of("111"), property_of("222", timezone="UTC", path="sample"))
    copy(day, root / "ga4" / "111" / f"events_{DAY}.parquet")
    (root / "sample").symlink_to(reference / "ga4_sample" / "shards")
    try:
        built(root)
    finally:
        (root / "sample").unlink()
    with tables_of(root) as tables:
        found = tables.row("""
            select count(*) as events, min(stream_id) as stream, count(distinct event_date) as days
            from madang_staging.stg_ga4__events where property_id = '222'""")
    assert found == {"events": 24_219, "stream": "2100450278", "days": 92}


def test_the_page_names_every_event_of_universal_analytics():
    page = (REPOSITORY / "docs" / "ga4-export.md").read_text(encoding="utf-8")
    macro = (REPOSITORY / "macros" / "ga4" / "read" / "ga360.sql").read_text(encoding="utf-8")
    named = {
        line.split("then '")[1].split("'")[0] for line in macro.splitlines() if "then '" in line
    }
    named -= {"WEB", "IOS"}
    assert len(named) > 12
    assert {name for name in named if f"`{name}`" not in page} == set()
