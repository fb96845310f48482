"""The dbt project on the local server.

Its sources copied there, dbt run against it.
"""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

from local_bigquery import schema
from local_bigquery.catalog import Catalog, Table
from local_bigquery.engine import Column
from local_bigquery.server import Server, loads, writes
from local_bigquery.values import write_row
from madang.build.dbt import require_package

ROOT = Path(__file__).resolve().parents[2]
#: The demo company's project, of which the repository is a package.
COMPANY = ROOT / "examples" / "maru"
GA4_DATASET = "analytics_000000000"
GA4_SCHEMA = json.loads((Path(__file__).parent / "ga4_events_schema.json").read_text())
DATASET = "madang"
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

    def dbt(self, *arguments: str, timeout: int = 1800) -> subprocess.CompletedProcess[str]:
        """Run the unmodified dbt command line for target bigquery."""
        self._write_profile()
        require_package(COMPANY)
        command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments]
        command += ["--target", "bigquery", "--no-version-check", "--project-dir", str(COMPANY)]
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
