"""Every shape of the export gives on GoogleSQL what it gives on DuckDB, property by property."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from demo_workspace import (
    MARU,
    WITHOUT_TESTS,
    Company,
)
from export_files import BUYING, copy, old, user, write, write_users
from local_bigquery import schema
from local_bigquery.bounds import unbounded
from local_bigquery.parity import WRITTEN_OTHERWISE, Comparison, compare
from local_bigquery.project import Project
from local_bigquery.server import Server, loads, serve, writes
from local_bigquery.server.session import Session
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings

MODELS = [
    "stg_builds__days",
    "base_ga4__shards",
    "base_ga4__events",
    "stg_ga4__events",
    "base_ga4__user_shards",
    "base_ga4__users",
]
MODELS += ["stg_ga4__users", "stg_ga4__user_audiences"]
PROPERTIES = [
    {"id": "111", "timezone": "Asia/Seoul"},
    {"id": "222", "timezone": "UTC", "currency": "USD"},
    {"id": "333", "timezone": "Asia/Seoul", "format": "ga360", "dataset": "view_333"},
]
TYPES = {"VARCHAR": "STRING", "BIGINT": "INTEGER", "DOUBLE": "FLOAT", "BOOLEAN": "BOOLEAN"}
# What Parquet files leave open where every value is null.
TYPES |= {"JSON": "STRING"}


@dataclass
class Built:
    server: Server
    comparisons: dict[str, Comparison]
    compiled: str


@pytest.fixture(scope="module")
def built(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Three properties and their people, in files and in datasets, built on both warehouses."""
    root = tmp_path_factory.mktemp("shapes")
    source = f"from '{company.root / 'ga4' / 'events_20261030.parquet'}' limit 60"
    ga4 = root / "ga4"
    copy(source, ga4 / "111" / "events_20261030.parquet")
    copy(old(source), ga4 / "222" / "events_20261030.parquet")
    write([BUYING], ga4 / "333" / "ga_sessions_20170801.parquet")
    write_users([user("a", "20261030")], ga4 / "111" / "pseudonymous_users_20261030.parquet")
    write_users([user("C", "20261030", key="user_id")], ga4 / "222" / "users_20261030.parquet")
    (root / "madang.yml").write_text(
        f"version: 1\nas_of: 2026-11-01T12:00:00+09:00\nproject: {MARU}\n"
        f"ga4: {{properties: {json.dumps(PROPERTIES)}}}\n"
    )
    arguments = ["build", *WITHOUT_TESTS, "--select", "placeholder_ids", *MODELS]
    run_dbt(load_settings(root), arguments)
    with serve() as server:
        for file in sorted(ga4.rglob("*.parquet")):
            number = file.parent.name
            dataset = next(
                one.get("dataset", f"analytics_{number}")
                for one in PROPERTIES
                if one["id"] == number
            )
            _load(server, dataset, file)
        project = Project(
            server, root / "dbt", "2026-11-01T12:00:00+09:00", {"ga4_properties": PROPERTIES}
        )
        ended = project.dbt(*arguments)
        assert ended.returncode == 0, ended.stdout[-3000:]
        found = {one.table: one for one in compare(server.catalog, root / "warehouse.duckdb")}
        compiled = project.folder / "target/compiled/madang/models/staging/ga4/base_ga4__events.sql"
        yield Built(server, found, compiled.read_text(encoding="utf-8"))


def _load(server: Server, dataset: str, file: Path) -> None:
    """Make a table of a file, with the very types of the file."""
    catalog = server.catalog
    catalog.add_dataset(catalog.project, dataset)
    relation = duckdb.sql(f"from '{file}'")
    fields = [_field(*one) for one in zip(relation.columns, relation.types, strict=True)]
    config = {"sourceFormat": "PARQUET", "writeDisposition": "WRITE_TRUNCATE"}
    columns, content = loads.read(file.read_bytes(), config, schema.columns_of(fields))
    reference = {"projectId": catalog.project, "datasetId": dataset, "tableId": file.stem}
    writes.write(catalog, reference, columns, content, config)


def _field(name: str, kind: Any) -> dict:
    mode = "REPEATED" if kind.id == "list" else "NULLABLE"
    inner = kind.child if mode == "REPEATED" else kind
    if inner.id == "struct":
        fields = [_field(*one) for one in inner.children]
        return {"name": name, "type": "RECORD", "mode": mode, "fields": fields}
    return {"name": name, "type": TYPES[str(inner)], "mode": mode}


@pytest.mark.parametrize("model", sorted({*MODELS} - WRITTEN_OTHERWISE))
def test_each_table_has_the_rows_that_duckdb_has(built: Built, model: str):
    comparison = built.comparisons[f"staging.{model}"]
    assert comparison.problems == []
    assert comparison.rows > 0


def test_every_property_is_there(built: Built):
    table = built.server.catalog.tables["test-project.madang_staging.base_ga4__events"]
    place = table.position("property_id")
    found = {row.cell[place].string_value for row in table.rows.table_data.row}
    assert found == {"111", "222", "333"}


def test_each_dataset_is_read_by_literal_shards_only(built: Built):
    catalog = built.server.catalog
    sql = catalog.normalize(built.compiled)
    guarded = {
        f"test-project.{dataset}.{prefix}*": "_table_suffix"
        for dataset, prefix in (
            ("analytics_111", "events_"),
            ("analytics_222", "events_"),
            ("view_333", "ga_sessions_"),
        )
    }
    for name in guarded:
        assert name in sql
    tree = Session(catalog).analyze(sql, prune=True)
    assert unbounded(tree, guarded) == []
