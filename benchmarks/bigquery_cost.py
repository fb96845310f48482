"""Computes what a day costs on BigQuery, for the page docs/bigquery.md.

    python benchmarks/bigquery_cost.py WORKSPACE

WORKSPACE is a demo company (`madang demo`). It is built on the local BigQuery of the tests (which
must be on PYTHONPATH); then the engine tells for every model and test which columns of which tables
it reads. Their logical bytes, as BigQuery counts them, are summed up: of one day's shard for the
export, of the whole for every other table. Bytes by event times events make the table; assumptions
are printed with it.
"""

import json
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import yaml
from typer.testing import CliRunner

from googlesql.project import copy_shards
from googlesql.scans import logical_bytes, scans
from googlesql.server import serve
from googlesql.server.session import Session
from madang.cli import app
from madang.cost import LEAST, TIB

EXPORT = "test-project.analytics_000000000.events_*"
EVENTS = "test-project.madang_staging.stg_ga4__events"
PRICE = 6.25
SHARDS_A_DAY = 2  # the new day, and one that GA4 restated
MONTHS_KEPT = (3, 12)
ROUNDS = 6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serve("test-project", "US") as server:
        root, demo = Path(folder), Path(sys.argv[1]).resolve()
        settings = yaml.safe_load((demo / "madang.yml").read_text(encoding="utf-8"))
        settings["project"] = str(Path(__file__).resolve().parents[1])
        settings["paths"] = {"inbox": str(demo / "inbox")}
        settings["warehouse"] = {
            "type": "bigquery",
            "bigquery": {
                "project": "test-project",
                "location": "US",
                "ga4_dataset": "analytics_000000000",
                "api_endpoint": server.url,
            },
        }
        (root / "madang.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        copy_shards(server, demo / "ga4")
        for command in ("load", "build", "cost"):
            ran = CliRunner().invoke(app, ["--config", folder, command])
            if ran.exit_code not in (0, 3):
                sys.exit(ran.output)
        manifest = json.loads((root / "target" / "cost" / "manifest.json").read_text())
        show(server.catalog, manifest["nodes"].values())


def show(catalog, nodes) -> None:
    events = sum(
        len(table.rows.table_data.row)
        for name, table in catalog.tables.items()
        if ".analytics_" in name
    )
    read: dict[str, float] = defaultdict(float)
    of_nodes: dict[str, float] = defaultdict(float)
    statements = tables = 0
    for node in nodes:
        if not node.get("compiled_code") or node["config"]["materialized"] == "view":
            continue
        sql = catalog.normalize(node["compiled_code"])
        found = scans(Session(catalog).analyze(sql, prune=True))
        statements += 1
        tables += len({scan.table for scan in found}) or 1
        for scan in found:
            part = by_event(catalog, scan, events, sql)
            times = 1 + ROUNDS if node["config"]["materialized"] == "connected_components" else 1
            if scan.table != EXPORT:
                of_nodes[f"{node['resource_type']} {node['name']}"] += part * times
            read["export" if scan.table == EXPORT else scan.table] += part * times
    export = read.pop("export")
    staged = size(catalog, catalog.tables[EVENTS]) / events
    history = sum(read.values())
    print(f"{events:,} events; {statements} statements that read {tables} tables")
    print(f"bytes by event: {export:.0f} of the export, {staged:.0f} written as stg_ga4__events")
    for table, amount in sorted(read.items(), key=lambda item: -item[1])[:8]:
        print(f"  {amount:8.1f} by event kept, of {table.removeprefix('test-project.')}")
    print(f"bytes by event kept, read each day: {history:.0f}")
    for node, amount in sorted(of_nodes.items(), key=lambda item: -item[1])[:12]:
        print(f"  {amount:8.1f} by event kept, by {node}")
    for millions in (10, 100, 1000):
        for months in MONTHS_KEPT:
            new = millions * 1e6 / 30 * SHARDS_A_DAY * (export + 2 * staged)
            kept = millions * 1e6 * months * history
            total = new + max(kept, tables * LEAST)
            print(
                f"{millions:5} M events a month, {months:2} months kept: new days "
                f"{new / 2**30:6,.1f} GiB, history {kept / 2**30:9,.1f} GiB: "
                f"{total / TIB:7.3f} TiB, USD {total / TIB * PRICE:7.2f} a day"
            )


def by_event(catalog, scan, events: int, sql: str) -> float:
    """Logical bytes that a scan reads, by event of the export."""
    if scan.table != EXPORT:
        table = catalog.tables.get(scan.table)
        return size(catalog, table, scan.columns) / events if table is not None else 0.0
    suffixes = set(re.findall(r"'((?:intraday_|fresh_)?\d{8})'", sql))
    shards = [
        table
        for name, table in catalog.tables.items()
        if name.rpartition(".events_")[2] in suffixes and ".analytics_" in name
    ]
    rows = sum(len(table.rows.table_data.row) for table in shards)
    return sum(size(catalog, table, scan.columns) for table in shards) / max(rows, 1)


def size(catalog, table, columns=None) -> int:
    total = 0
    for place, column in enumerate(table.columns):
        if columns is None or column.name in columns:
            values = (row.cell[place] for row in table.rows.table_data.row)
            total += logical_bytes(values, column.type)
    return total


if __name__ == "__main__":
    main()
