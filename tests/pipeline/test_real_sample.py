"""A real GA4 export as the only source: no CRM, no logins, columns of 2020. Published figures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo_workspace import REPOSITORY, Ended, Tables, madang, tables_of

pytestmark = pytest.mark.reference

EVENTS = {
    "page_view": 7498,
    "user_engagement": 5791,
    "scroll": 2766,
    "view_item": 2119,
    "session_start": 1937,
    "first_visit": 1410,
    "purchase": 624,
}


@pytest.fixture(scope="module")
def workspace(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("real")
    settings = f"""
        version: 1
        timezone: UTC # this export's event_date is the UTC date
        currency: USD
        as_of: 2021-02-01T00:00:00+00:00
        project: {REPOSITORY / "examples" / "gmerch"}
        paths: {{ga4: {reference / "ga4_sample" / "shards"}}}
    """
    lines = [line.strip() for line in settings.strip().splitlines()]
    (root / "madang.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def built(workspace: Path) -> Ended:
    return madang(workspace, "build")


@pytest.fixture(scope="module")
def tables(workspace: Path, built: Ended) -> Iterator[Tables]:
    with tables_of(workspace) as tables:
        yield tables


def test_the_same_command_builds_without_a_crm(built: Ended, workspace: Path):
    assert built.code == 0, built.told
    assert "error" not in built.out
    assert (workspace / "marts" / "channel_days.parquet").is_file()


def test_events_days_and_devices_are_those_of_the_export(tables: Tables):
    counted = tables.row("""
        select count(*) as events, count(distinct event_date) as days,
            count(distinct user_pseudo_id) as devices, min(event_date)::text as first,
            max(event_date)::text as last
        from madang_staging.stg_ga4__events""")
    assert counted == {
        "events": 24_219,
        "days": 92,
        "devices": 19_210,
        "first": "2020-11-01",
        "last": "2021-01-31",
    }
    by_name = tables.rows(
        "select event_name, count(*) from madang_staging.stg_ga4__events group by 1"
    )
    assert dict(by_name).items() >= EVENTS.items()
    assert len(by_name) == 17


def test_a_session_is_a_device_and_its_session_id(tables: Tables):
    """The session id alone is 20,674 values: ids of several devices coincide."""
    assert tables.row("""
        select count(*) as sessions, sum(events) as events, count(distinct ga_session_id) as ids
        from madang_activity.sessions""") == {"sessions": 20_705, "events": 24_219, "ids": 20_674}
    assert tables.value("select sum(sessions) from madang_marts.channel_days") == 20_705


def test_parameters_that_change_type_are_read_in_every_type(tables: Tables):
    """session_engaged: text '1' in 17,636 rows and the number 1 in 1,744; ids as numbers in 44."""
    assert tables.row("""
        select count(*) filter (session_engaged = '1') as engaged,
            count(*) filter (session_engaged = '0') as not_engaged,
            count(*) filter (event_name = 'purchase' and ecommerce_transaction_id = '(not set)')
                as without_id,
            count(*) filter (
                coalesce(ecommerce_transaction_id, '(not set)') = '(not set)'
                and regexp_full_match(transaction_id, '[0-9]+')) as id_in_a_number
        from madang_staging.stg_ga4__events""") == {
        "engaged": 17_636 + 1_744,
        "not_engaged": 3_236,
        "without_id": 90,
        "id_in_a_number": 44,
    }


def test_revenue_is_told_before_and_after_the_order_rule(tables: Tables, measured: Callable):
    """A real id counts once a shopper: 6 of 531 are repeats, worth 296. See `web_purchases`."""
    found = {
        status: (events, revenue)
        for status, events, revenue in tables.rows("""
            select order_status, count(*), coalesce(sum(revenue), 0)
            from madang_activity.web_purchases group by 1""")
    }
    measured(f"real sample, purchases by order rule: {found}")
    assert found == {
        "counted": (531 - 6 + 44, 41_529 - 296),
        "duplicate": (6, 296),
        "no_revenue": (49, 0),
    }
    assert sum(events for events, _ in found.values()) == EVENTS["purchase"]


def test_revenue_by_month_is_the_published_one(tables: Tables):
    months = tables.rows("""
        select strftime(event_date, '%Y-%m'), sum(purchase_revenue)::bigint
        from madang_staging.stg_ga4__events group by 1 having sum(purchase_revenue) > 0
        order by 1""")
    assert months == [("2020-11", 16_691), ("2020-12", 19_493), ("2021-01", 5_345)]


#: The figures that docs/ga4-figures.md tells, by the first column of its table.
TOLD = {
    "events": "select count(*) from madang_staging.stg_ga4__events",
    "days": "select count(distinct event_date) from madang_staging.stg_ga4__events",
    "devices": "select count(distinct user_pseudo_id) from madang_staging.stg_ga4__events",
    "sessions": "select count(*) from madang_activity.sessions",
    "session_start events": """
        select count(*) from madang_staging.stg_ga4__events where event_name = 'session_start'""",
    "sessions of visitors": """
        select count(*) from madang_activity.sessions where traffic_kind = 'visitor'""",
    "sessions in debug mode": "select count(*) from madang_activity.sessions where is_debug",
    "engaged sessions": "select count(*) from madang_activity.sessions where is_engaged",
    "purchase events": "select count(*) from madang_activity.web_purchases",
    "revenue as exported": "select sum(revenue) from madang_activity.web_purchases",
    "orders": "select count(*) from madang_activity.web_orders",
    "revenue of the orders": "select sum(revenue) from madang_activity.web_orders",
    **{
        f"revenue, {category}": f"""
            select sum(revenue) from madang_activity.web_purchases
            join madang_activity.sessions using (session_key)
            where device_category = '{category}'"""
        for category in ("desktop", "mobile", "tablet")
    },
    **{
        f"funnel: {words}": f"""
            select subjects from madang_marts.funnel_purchase where step = '{step}'"""
        for words, step in (
            ("viewed an item", "viewed_item"),
            ("then put one into the cart", "added_to_cart"),
            ("then began a checkout", "began_checkout"),
            ("then bought", "purchased"),
        )
    },
    "persons": "select count(*) from madang_identity.persons",
}


def test_the_page_of_figures_tells_what_is_built(tables: Tables):
    page = (REPOSITORY / "docs" / "ga4-figures.md").read_text(encoding="utf-8")
    table = page.partition("## The subset")[2].partition("### Orders")[0]
    rows = [line.split("|")[1:4] for line in table.splitlines() if line.startswith("| ")][1:]
    told = {name.strip(): ours.strip() for name, _, ours in rows if set(name.strip()) != {"-"}}
    assert told == {name: f"{tables.value(sql):,.0f}" for name, sql in TOLD.items()}


def test_nobody_is_named_and_nobody_is_in_an_audience(tables: Tables):
    assert tables.value("select count(*) from madang_identity.persons") == 0
    assert tables.value("select count(*) from madang_marts.audience_members") == 0
    assert tables.value("select count(*) from madang_activation.sync_braze__users") == 0
    assert tables.value("select count(*) from madang_marts.funnel_purchase") == 4
