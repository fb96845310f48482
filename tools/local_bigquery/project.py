"""The dbt project on the local server.

Its sources copied there, dbt run against it, its compiled SQL type-checked.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

from local_bigquery import schema
from local_bigquery.catalog import Catalog, Table
from local_bigquery.engine import Column, GoogleSqlError
from local_bigquery.server import Server, loads, writes
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.guards import unique_columns
from local_bigquery.values import write_row

ROOT = Path(__file__).resolve().parents[2]
GA4_DATASET = "analytics_000000000"
GA4_SCHEMA = json.loads((Path(__file__).parent / "ga4_events_schema.json").read_text())
DATASET = "madang"
SOURCE_DATASETS = {GA4_DATASET, f"{DATASET}_raw", f"{DATASET}_ledger"}
# Tables that are not what their model selects: materializations that loop, and their columns.
MADE_BY_ROUNDS = {
    "connected_components": {
        "node_key": schema.STRING,
        "node_id": schema.INT64,
        "component_key": schema.INT64,
    },
    "never_link_cuts": dict.fromkeys(
        ("left_key", "right_key", "never_left_key", "never_right_key"), schema.STRING
    ),
}
# What dbt adds to the columns that a snapshot selects.
OF_SNAPSHOTS = {
    "dbt_scd_id": schema.STRING,
    "dbt_updated_at": schema.TIMESTAMP,
    "dbt_valid_from": schema.TIMESTAMP,
    "dbt_valid_to": schema.TIMESTAMP,
}
TYPES = {
    "VARCHAR": "STRING",
    "BIGINT": "INT64",
    "INTEGER": "INT64",
    "HUGEINT": "INT64",
    "DOUBLE": "FLOAT64",
    "BOOLEAN": "BOOL",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
}


@dataclass
class Project:
    """The dbt project, as a workspace and a server have it. `folder` takes what dbt writes."""

    server: Server
    folder: Path
    as_of: str
    variables: dict[str, Any] = field(default_factory=dict)

    def dbt(self, *arguments: str, timeout: int = 600) -> subprocess.CompletedProcess[str]:
        """Run the unmodified dbt command line for target bigquery."""
        self._write_profile()
        command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments]
        command += ["--target", "bigquery", "--no-version-check", "--project-dir", str(ROOT)]
        command += [
            "--profiles-dir",
            str(self.folder),
            "--target-path",
            str(self.folder / "target"),
        ]
        command += ["--log-path", str(self.folder / "logs")]
        command += ["--vars", json.dumps({"as_of": self.as_of, **self.variables})]
        environment = {**os.environ, "MADANG_GA4_DATASET": GA4_DATASET}
        environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    @property
    def manifest(self) -> dict[str, Any]:
        """What the last dbt command compiled."""
        return json.loads((self.folder / "target" / "manifest.json").read_text())

    @property
    def results(self) -> list[dict[str, Any]]:
        """What became of every node of the last dbt command."""
        return json.loads((self.folder / "target" / "run_results.json").read_text())["results"]

    def _write_profile(self) -> None:
        """A profile with a token that nobody checks; everything else as a user has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        output = {
            "type": "bigquery",
            "method": "oauth-secrets",
            "token": "none",
            "project": self.server.catalog.project,
            "dataset": DATASET,
            "location": self.server.catalog.location,
            "threads": 2,
            "api_endpoint": self.server.url,
            "job_retries": 0,
            "job_execution_timeout_seconds": 300,
        }
        profile = {"madang": {"target": "bigquery", "outputs": {"bigquery": output}}}
        (self.folder / "profiles.yml").write_text(yaml.safe_dump(profile))


def copy_sources(server: Server, warehouse: Path, ga4: Path) -> int:
    """Give the server what the loader landed in a DuckDB file and the GA4 shards of a folder.

    Answer the number of rows.
    """
    return copy_landed(server, warehouse) + copy_shards(server, ga4)


def copy_landed(server: Server, warehouse: Path) -> int:
    """Copy every table of the layers `raw` and `ledger`, types included."""
    return copy_layers(server, warehouse, "madang_raw", "madang_ledger")


def copy_layers(server: Server, warehouse: Path, *schemas: str) -> int:
    """Copy every table of some schemas, types included."""
    catalog, rows = server.catalog, 0
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where list_contains(?, table_schema) order by all",
            [list(schemas)],
        ).fetchall()
        for layer, name in tables:
            relation = f'"{layer}"."{name}"'
            described = connection.execute(f"describe {relation}").fetchall()
            columns = [
                Column(column, schema.type_of({"type": TYPES[kind]}))
                for column, kind, *_ in described
            ]
            records = connection.execute(f"select * from {relation}").fetchall()
            rows += _fill(catalog, layer, name, columns, records)
    return rows


def copy_shards(server: Server, folder: Path) -> int:
    """Make the export's dataset what the folder is, a table a shard, with Google's own schema.

    A shard whose file is the same as at the last call is left alone, as is its time of change;
    answers the rows of those that were written.
    """
    catalog, rows = server.catalog, 0
    catalog.add_dataset(catalog.project, GA4_DATASET)
    files = {file.stem: file for file in sorted(folder.glob("events_*.parquet"))}
    for table in catalog.tables_of(catalog.project, GA4_DATASET):
        if table.table_id not in files:
            catalog.drop(table.name)
    for name, file in files.items():
        data = file.read_bytes()
        labels = {"file": hashlib.sha256(data).hexdigest()[:32]}
        known = catalog.tables.get(f"{catalog.project}.{GA4_DATASET}.{name}")
        if known is not None and known.properties.get("labels") == labels:
            continue
        reference = {"projectId": catalog.project, "datasetId": GA4_DATASET, "tableId": name}
        config = {"sourceFormat": "PARQUET", "writeDisposition": "WRITE_TRUNCATE", "labels": labels}
        columns, content = loads.read(data, config, schema.columns_of(GA4_SCHEMA))
        writes.write(catalog, reference, columns, content, config)
        rows += len(content.table_data.row)
    return rows


def _fill(
    catalog: Catalog, dataset: str, name: str, columns: list[Column], records: list[tuple[Any, ...]]
) -> int:
    catalog.add_dataset(catalog.project, dataset)
    table = Table(catalog.project, dataset, name, columns)
    names = [column.name for column in columns]
    for record in records:
        write_row(table.rows.table_data.row.add(), dict(zip(names, record, strict=True)), columns)
    catalog.add(table)
    return len(records)


def in_order(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a manifest, each after those that it reads."""
    nodes = manifest["nodes"]
    done: set[str] = set()

    def visit(node_id: str) -> Iterator[dict[str, Any]]:
        if node_id in done or node_id not in nodes:
            return
        done.add(node_id)
        for parent in nodes[node_id].get("depends_on", {}).get("nodes", []):
            yield from visit(parent)
        yield nodes[node_id]

    for node_id in nodes:
        yield from visit(node_id)


def type_check(project: Project) -> tuple[dict[str, list[Column]], dict[str, str]]:
    """Analyse what the last dbt command compiled, in the graph's order, over nothing but types.

    Answers the columns of the nodes that are good, and the engine's refusals of those that are not.
    Tables that a node makes are known to the next ones by the columns that the analysis gave, and
    to the node itself by those that it has: a model may read what it wrote before.
    """
    source = project.server.catalog
    catalog = Catalog(source.engine, source.project, source.location)
    catalog.datasets = dict(source.datasets)
    catalog.tables = {
        name: Table(table.project, table.dataset, table.table_id, table.columns)
        for name, table in source.tables.items()
        if table.dataset in SOURCE_DATASETS
    }
    compiled = {result["unique_id"]: result.get("compiled_code") for result in project.results}
    good: dict[str, list[Column]] = {}
    refused: dict[str, str] = {}
    manifest = project.manifest
    for node in in_order(manifest):
        kind = node["resource_type"]
        if kind == "operation":
            continue
        catalog.datasets.setdefault((node["database"], node["schema"]), {})
        alias = node.get("alias") or node["name"]
        made = source.tables.get(f"{node['database']}.{node['schema']}.{alias}")
        if made is not None:
            catalog.add(Table(made.project, made.dataset, made.table_id, made.columns))
        if kind == "seed":
            columns = _seed_columns(node)
        else:
            try:
                sql = catalog.normalize(compiled.get(node["unique_id"]) or node["compiled_code"])
                columns = catalog.engine.output_columns(sql, catalog.scope(sql))
                unique_columns(columns)
            except (GoogleSqlError, BigQueryError) as error:
                refused[node["unique_id"]] = str(error)
                continue
        good[node["unique_id"]] = columns
        if kind in ("seed", "model", "snapshot"):
            if node["config"].get("materialized") in MADE_BY_ROUNDS:
                types = MADE_BY_ROUNDS[node["config"]["materialized"]]
                columns = [Column(name, column_type) for name, column_type in types.items()]
            if kind == "snapshot":
                columns = [*columns, *(Column(*one) for one in OF_SNAPSHOTS.items())]
            catalog.add(Table(node["database"], node["schema"], alias, columns))
    return good, refused


def _seed_columns(node: dict[str, Any]) -> list[Column]:
    header = (ROOT / node["original_file_path"]).read_text(encoding="utf-8").splitlines()[0]
    types = node["config"].get("column_types") or {}
    return schema.columns_of(
        [{"name": name, "type": types.get(name, "string")} for name in header.split(",")]
    )
