"""A pull lands in BigQuery as it does in DuckDB, against the local server."""

from pathlib import Path

import pytest

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from local_bigquery.server import serve
from madang.pull.salesforce import pull
from madang.settings.workspace import load_settings
from madang.warehouse import open_warehouse
from salesforce_org import QUICK, company, id_of


def test_both_warehouses_hold_the_same(tmp_path: Path) -> None:
    landed = {}
    with (
        serve("test-project", "asia-northeast3") as server,
        company(tmp_path / "company") as maru,
    ):
        duckdb = maru.settings(bulk_from_rows=30, page_rows=10)
        text = duckdb.config_path.read_text(encoding="utf-8") + (
            "warehouse:\n  type: bigquery\n  bigquery:\n    project: test-project\n"
            f"    api_endpoint: {server.url}\n    retry_seconds: 5\n"
        )
        config = tmp_path / "bigquery" / "madang.yml"
        config.parent.mkdir()
        config.write_text(text, encoding="utf-8")
        maru.people(35)
        maru.people(5, "Lead")
        for settings in (duckdb, load_settings(config)):
            for expected in ([35, 5], [1, 0]):
                report = pull(
                    settings,
                    lambda settings=settings: open_warehouse(settings),
                    ["Contact", "Lead"],
                    environ=maru.environ,
                    retry=QUICK,
                )
                assert report.exit_code == 0, report
                assert [one.loaded for one in report.objects] == expected
                maru.sandbox.org.put("Contact", id_of("Contact", 1), Email="new@maru.example")
            with open_warehouse(settings) as warehouse:
                rows = warehouse.fetch(
                    f"select * from {warehouse.relation('raw', 'salesforce_contacts')} "
                    "order by id, email"
                )
                done = warehouse.fetch(
                    f"select source from {warehouse.relation('raw', '_pulls')} as pulls "
                    "where pulls.event = 'done' order by source"
                )
            assert [row["source"] for row in done] == ["salesforce.contacts"] * 2 + [
                "salesforce.leads"
            ] * 2
            landed[settings.warehouse.type] = [
                {k: v for k, v in row.items() if not k.startswith("_") and k != "modified_at"}
                for row in rows
            ]
            maru.sandbox.org.put("Contact", id_of("Contact", 1), Email="p1@maru.example")
    assert len(landed["duckdb"]) == 36
    assert landed["bigquery"] == landed["duckdb"]
