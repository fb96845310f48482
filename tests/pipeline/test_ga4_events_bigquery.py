"""The same events and items, out of the same shards, on GoogleSQL as on DuckDB."""

from pathlib import Path

import pytest

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from demo_workspace import AS_OF, MARU
from export_files import EVENTS, write
from local_bigquery.parity import compare
from local_bigquery.project import Project, copy_shards
from local_bigquery.server import serve
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings
from raw_events import SHARDS, VARIABLES

BUILD = ["build", "--select", "+ga4_reading_notes"]


def test_events_and_items_are_those_of_duckdb(tmp_path: Path):
    (tmp_path / "madang.yml").write_text(f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n")
    for name, rows in SHARDS.items():
        write(rows, tmp_path / "ga4" / f"{name}.parquet", EVENTS)
    run_dbt(load_settings(tmp_path), BUILD, variables=VARIABLES)
    with serve() as server:
        copy_shards(server, tmp_path / "ga4")
        ended = Project(server, tmp_path / "dbt", AS_OF, VARIABLES).dbt(*BUILD)
        assert ended.returncode == 0, ended.stdout[-3000:]
        compared = {
            one.table: one for one in compare(server.catalog, tmp_path / "warehouse.duckdb")
        }
    for table, rows in (("stg_ga4__events", 44), ("stg_ga4__items", 10), ("ga4_reading_notes", 32)):
        found = compared[f"staging.{table}"]
        assert found.problems == [], found.problems
        assert found.rows == rows
