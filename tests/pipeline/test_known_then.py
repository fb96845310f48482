"""Loads are never written over: a build as of an evening gives the tables of that evening."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from demo_workspace import (
    AS_OF,
    MARU,
    WITHOUT_TESTS,
)
from madang import ingest
from madang.build.dbt import run_dbt
from madang.demo import generate
from madang.settings.workspace import load_settings
from madang.warehouse import open_warehouse

FIRST = {
    "crm/customers_1.csv": """
        customer_no,name,email,tier,registered_at
        C1,김마루,one@maru.example,VIP,2026-01-02
        C2,이마루,two@maru.example,일반,2026-01-03
        C3,박마루,three@maru.example,일반,2026-01-04""",
    "consent/log_1.csv": """
        consent_id,customer_no,channel,purpose,status,occurred_at
        S1,C1,email,marketing,granted,2026-02-01T09:00:00+09:00""",
    "shop/orders_1.csv": """
        order_id,customer_no,status,ordered_at,amount
        O1,C1,paid,2026-10-01T09:00:00+09:00,50000""",
    "ads/google_1.csv": """
        Day,Campaign,Cost,Clicks
        2026-10-01,brand,1000,10""",
    "inquiries/desk_1.csv": """
        inquiry_id,received_at,channel,status
        Q1,2026-10-01T09:00:00+09:00,web,open""",
    "notices/terms_1.csv": """
        notice_id,body,sent_at
        N1,첫 글,2026-01-01T00:00:00+09:00""",
    "salesforce/lead_1.csv": """
        Id,Name,Status,IsConverted,SystemModstamp
        00Q5g00000ABCDE,김마루,Open,false,2026-10-01T00:00:00Z""",
}
LATER = {
    "crm/customers_2.csv": """
        customer_no,name,email,tier,registered_at
        C1,김마루,one@maru.example,VVIP,2026-01-02
        C2,이마루,two@maru.example,일반,2026-01-03""",
    "consent/log_2.csv": """
        consent_id,customer_no,channel,purpose,status,occurred_at
        S2,C1,email,marketing,withdrawn,2026-10-15T09:00:00+09:00""",
    "shop/orders_2.csv": """
        order_id,customer_no,status,ordered_at,updated_at,amount
        O1,C1,refunded,2026-10-01T09:00:00+09:00,2026-10-12T09:00:00+09:00,50000""",
    "ads/google_2.csv": """
        Day,Campaign,Cost,Clicks
        2026-10-01,brand,900,9""",
    "inquiries/desk_2.csv": """
        inquiry_id,received_at,updated_at,channel,status
        Q1,2026-10-01T09:00:00+09:00,2026-10-02T09:00:00+09:00,web,closed""",
    "notices/terms_2.csv": """
        notice_id,body,sent_at
        N1,둘째 글,2026-06-01T00:00:00+09:00""",
    "salesforce/lead_2.csv": """
        Id,Name,Status,IsConverted,SystemModstamp
        00Q5g00000ABCDE,김마루,Closed,true,2026-10-05T00:00:00Z""",
}
TABLES = (
    "private.stg_crm__customers",
    "private.stg_consent__events",
    "private.stg_shop__orders",
    "staging.stg_ads__costs",
    "private.stg_inquiries__inquiries",
    "staging.stg_notices__versions",
    "private.stg_salesforce__leads",
    "activity.activities",
    "marts.customers",
    "marts.contactability",
)


def load(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [line.strip() for line in text.strip().splitlines()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    settings = load_settings(root)
    with open_warehouse(settings) as warehouse:
        report = ingest.load(settings, warehouse, [root / "inbox" / name for name in files])
    assert {file.status for file in report.files} == {"loaded"}, report.files


def build(root: Path, **variables: str) -> dict[str, list[tuple]]:
    """Build everything from the files and return the tables, rows in order."""
    names = [table.partition(".")[2] for table in TABLES]
    select = ["--select", *[f"+{name}" for name in names]]
    run_dbt(load_settings(root), ["build", *WITHOUT_TESTS, *select], variables=variables)
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return {
            table: connection.execute(f"from madang_{table} order by all").fetchall()
            for table in TABLES
        }


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[tuple]]]:
    folder = tmp_path_factory.mktemp("known_then")
    generate(folder / "company", people=150, days=3)
    root = folder / "workspace"
    root.mkdir()
    (root / "madang.yml").write_text(
        f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
        "paths: {ga4: ../company/ga4, inbox: inbox}\nwarehouse: {path: warehouse.duckdb}\n"
        "load: {max_shrink_share: 1}\n",
        encoding="utf-8",
    )
    load(root, FIRST)
    evening = datetime.now(UTC).isoformat()
    then = build(root)
    load(root, LATER)
    return {"then": then, "now": build(root), "again": build(root, known_at=evening, as_of=AS_OF)}


@pytest.mark.parametrize("table", TABLES)
def test_a_build_as_of_an_evening_gives_the_tables_of_that_evening(builds, table: str) -> None:
    assert builds["then"][table], "an empty table shows nothing"
    assert builds["now"][table] != builds["then"][table], "nothing of it changed since"
    assert builds["again"][table] == builds["then"][table]
