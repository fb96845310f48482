"""One export, several published order rules: each is reached by configuration alone.

What each rule gives is computed here from the Parquet files, in words other than the models'.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from demo_workspace import (
    MARU,
    WITHOUT_TESTS,
    Tables,
    tables_of,
)
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings

pytestmark = pytest.mark.reference

ONLY_REAL_IDS = {
    "one_order_per": "device",
    "transaction_id": "record",
    "placeholder_id": "exclude",
    "empty_id": "exclude",
    "missing_id": "exclude",
}
RAW = {"one_order_per": "event", "placeholder_id": "count", "missing_id": "count"}
RECORD = {"transaction_id": "record", "placeholders": []}
# Published of this sample: 624 purchase events worth 41,529; 531 real ids in the record, six of
# them twice for one shopper (worth 296); 90 '(not set)' (41 of them worth 2,880), 3 null (151).
PUBLISHED: dict[str, tuple[dict, int, int]] = {
    "every event": (RAW, 624, 41_529),
    "every event with revenue": ({"one_order_per": "event"}, 531 + 41 + 3, 41_529),
    "only real ids of the record": (ONLY_REAL_IDS, 531 - 6, 41_529 - 296 - 2_880 - 151),
}


@pytest.fixture(scope="module")
def purchases(reference: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The purchase events as Google exported them."""
    with duckdb.connect() as connection:
        connection.execute(f"""
            create view purchases as
            select user_pseudo_id as device, event_timestamp as moment,
                ecommerce.transaction_id as id, ecommerce.purchase_revenue as revenue
            from read_parquet('{reference / "ga4_sample" / "shards"}/*.parquet')
            where event_name = 'purchase'""")
        yield connection


@pytest.fixture(scope="module")
def workspace(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("orders")
    lines = [
        "version: 1",
        "timezone: UTC",
        "currency: USD",
        "as_of: 2021-02-01T00:00:00+00:00",
        f"project: {MARU}",
        f"paths: {{ga4: {reference / 'ga4_sample' / 'shards'}}}",
    ]
    (root / "madang.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run_dbt(load_settings(root), ["build", "--select", "+web_orders", "+ga4_days", *WITHOUT_TESTS])
    return root


def counted(workspace: Path, rule: dict) -> tuple[int, int]:
    """Orders and revenue under a rule; the reconciling tests must pass under it as well."""
    run_dbt(
        load_settings(workspace),
        ["build", "--select", "web_purchases+1", "web_refunds", "web_orders",
         "--exclude", "braze_purchases", "order_products", "--exclude-resource-type", "unit_test"],
        variables={"order_rule": rule},
    )  # fmt: skip
    with tables_of(workspace) as tables:
        return orders(tables)


def orders(tables: Tables) -> tuple[int, int]:
    found = tables.row("""
        select count(*) as orders, sum(revenue)::bigint as revenue
        from madang_activity.web_orders""")
    return found["orders"], found["revenue"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_rule_is_reached_by_configuration(workspace: Path, name: str) -> None:
    rule, count, revenue = PUBLISHED[name]
    assert counted(workspace, rule) == (count, revenue)


@pytest.mark.parametrize(
    ("scope", "key"), [("device", "device, id"), ("property", "id")], ids=["shopper", "id alone"]
)
def test_placeholders_taken_for_ids_put_orders_together(
    workspace: Path, purchases: duckdb.DuckDBPyConnection, scope: str, key: str
) -> None:
    """The mistake that many make, for comparison: '(not set)' of 87 shoppers is one id."""
    known = purchases.execute(f"""
        select count(*), sum(revenue)::bigint from (
            select coalesce(arg_min(revenue, moment) filter (revenue > 0), 0) as revenue
            from purchases where id is not null group by {key})""").fetchone()
    without = purchases.execute(
        "select count(*), sum(revenue)::bigint from purchases where id is null and revenue > 0"
    ).fetchone()
    expected = (known[0] + without[0], known[1] + without[1])
    assert counted(workspace, {"one_order_per": scope, **RECORD}) == expected


def test_small_orders_can_be_left_out(
    workspace: Path, purchases: duckdb.DuckDBPyConnection
) -> None:
    """Without repeats, which are all of ids in the record."""
    expected = purchases.execute("""
        select count(*), sum(revenue)::bigint from (
            select distinct on (device, coalesce(nullif(id, '(not set)'), moment::text)) revenue
            from purchases order by moment)
        where revenue >= 100""").fetchone()
    assert counted(workspace, {"minimum_revenue": 100}) == expected
    with tables_of(workspace) as tables:
        found = dict(
            tables.rows("""
            select order_status, count(*) from madang_activity.web_purchases group by 1""")
        )
    assert found["counted"] + found["below_minimum"] == 569
    assert found["duplicate"] == 6
