"""What a daily run reads on BigQuery, model by model, before it is run; and the budget for it.

Every model and test is compiled for the run and asked for as a dry run, which BigQuery answers
with the bytes that it would read, for nothing. On top comes what the dry run of one statement does
not know: the 10 MiB that BigQuery bills at least for each table that a query names, the rewriting
of an incremental model's days, and the rounds of the identity graph.
"""

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from madang import ui
from madang.config import Settings
from madang.dbt import run_dbt
from madang.errors import MadangError, UsageError

# Source: cloud.google.com/bigquery/pricing#on_demand_pricing
LEAST = 10 * 2**20
MIB = 2**20
TIB = 2**40
# Materializations of more than one statement: how often what the first one reads is read again in
# the smaller and smaller tables that follow, and how many statements there are.
ROUNDS = {"connected_components": (6, 40)}
EVENTS = "stg_ga4__events"
EXPORT = (".ga4.events", ".ga4.shards")  # the GA4 source: tables that dbt cannot look up by name
KINDS = ("model", "test", "snapshot")


class CostError(MadangError):
    """A run would read more than the budget allows."""


@dataclass(frozen=True)
class NodeCost:
    """One model or test: bytes billed, and how that is known: dry run, sizes, or not built."""

    name: str
    kind: str
    bytes: int
    basis: str = "dry run"


@dataclass(frozen=True)
class CostReport:
    """What a run would be billed for. Prices are USD on demand."""

    nodes: list[NodeCost]
    price_per_tib: float
    budget: int | None

    @property
    def bytes(self) -> int:
        return sum(node.bytes for node in self.nodes)

    @property
    def dollars(self) -> float:
        return self.bytes / TIB * self.price_per_tib

    @property
    def not_built(self) -> list[str]:
        """Nodes whose inputs are not there yet, so that nobody can say what they read."""
        return [node.name for node in self.nodes if node.basis == "not built"]

    @property
    def is_over_budget(self) -> bool:
        return self.budget is not None and self.bytes > self.budget

    def largest(self, count: int) -> list[NodeCost]:
        """The nodes that read most, largest first."""
        return sorted(self.nodes, key=lambda node: (-node.bytes, node.name))[:count]


def billed(processed: int, tables: int, statements: int = 1) -> int:
    """Return the bytes billed: whole MiB, and at least 10 MiB for each table and statement."""
    rounded = -(-processed // MIB) * MIB
    return max(rounded, LEAST * tables * statements)


def estimate(settings: Settings, *, select: Sequence[str] = (), new_day: bool = True) -> CostReport:
    """Return what the next run reads. With `new_day`, at least the export's latest day is new.

    Raises UsageError where the warehouse is not BigQuery, WarehouseError when it cannot be reached.
    """
    if settings.warehouse.type != "bigquery":
        raise UsageError(
            "Reading this warehouse costs nothing: it is a DuckDB file.",
            where=f"{settings.config_path}, warehouse.type",
            fix="docs/bigquery.md tells what a day costs on BigQuery, by events a month.",
        )
    from madang.warehouse.bigquery import BigQueryWarehouse

    warehouse = BigQueryWarehouse.open(settings)
    try:
        warehouse.check()
        is_first = not warehouse.exists("staging", "ga4_partitions")
        day = None if is_first or not new_day else _latest_day(settings, warehouse)
        nodes, missing = _compiled(settings, warehouse, select, day)
        with ThreadPoolExecutor(max(4, settings.warehouse.threads)) as pool:
            costs = list(pool.map(lambda node: _cost(warehouse, node, missing), nodes))
        if is_first and any(node["name"] == EVENTS for node in nodes):
            costs = [cost for cost in costs if cost.name != EVENTS]
            costs.append(NodeCost(EVENTS, "model", _export_bytes(settings, warehouse), "sizes"))
    finally:
        warehouse.close()
    return CostReport(costs, settings.cost.price_per_tib, settings.cost.daily_budget)


def require_budget(settings: Settings, select: Sequence[str] = ()) -> None:
    """Raise CostError when the run that is about to begin would read more than the budget."""
    if settings.warehouse.type != "bigquery" or settings.cost.daily_budget is None:
        return
    report = estimate(settings, select=select, new_day=False)
    if not report.is_over_budget:
        return
    listed = "".join(
        f"\n  {node.name}: {size(node.bytes)} ({node.basis})" for node in report.largest(5)
    )
    budget = size(settings.cost.daily_budget)
    raise CostError(
        f"This run would read {size(report.bytes)} (USD {report.dollars:,.2f}); the daily budget "
        f"is {budget}. Nothing was built. The largest:{listed}",
        where=f"{settings.config_path}, cost.daily_budget",
        fix="Read fewer days (ga4.start_date), raise the budget, or build once with --over-budget.",
    )


def show(report: CostReport) -> None:
    """Print what a daily run reads."""
    known = [node for node in report.largest(len(report.nodes)) if node.bytes]
    tests = [node for node in known if node.kind == "test" and node.bytes <= LEAST]
    rows = [
        (node.name, node.kind, size(node.bytes), node.basis) for node in known if node not in tests
    ]
    if tests:
        whole = sum(node.bytes for node in tests)
        rows.append((f"{len(tests)} tests of the least size", "test", size(whole), "dry run"))
    ui.table("A daily run reads", ("model", "kind", "billed", "known by"), rows)
    budget = size(report.budget) if report.budget is not None else "none (cost.daily_budget)"
    price = f"USD {report.price_per_tib:g} a TiB"
    ui.summary(
        "In all",
        [
            ("a day", f"{size(report.bytes)}, USD {report.dollars:,.2f} at {price}"),
            ("30 days", f"{size(30 * report.bytes)}, USD {30 * report.dollars:,.2f}"),
            ("budget", budget),
        ],
    )
    if report.not_built:
        ui.line(
            f"{len(report.not_built)} models and tests read tables that are not built yet: they "
            "are known after the first build.",
            "yellow",
        )
    if report.is_over_budget:
        ui.line("A build would be refused: this is above the budget.", "red")


def as_json(report: CostReport) -> dict[str, Any]:
    """Return the report for machines."""
    return {
        "bytes": report.bytes,
        "dollars": round(report.dollars, 4),
        "price_per_tib": report.price_per_tib,
        "budget": report.budget,
        "is_over_budget": report.is_over_budget,
        "nodes": [asdict(node) for node in report.largest(len(report.nodes))],
    }


def size(count: int) -> str:
    """Return a number of bytes in words, in the binary units in which BigQuery bills."""
    for unit, least in (("TiB", TIB), ("GiB", 2**30), ("MiB", MIB)):
        if count >= least:
            return f"{count / least:,.2f} {unit}"
    return f"{count:,} bytes"


def _compiled(
    settings: Settings, warehouse: Any, select: Sequence[str], day: str | None
) -> tuple[list[Mapping[str, Any]], set[str]]:
    """The nodes of the run with the SQL that they would run, and the ids of what is not built."""
    target = settings.root / "target" / "cost"
    variables = {"reprocess_start_date": day, "reprocess_end_date": day} if day else {}
    args = ["compile", "--exclude", "resource_type:unit_test"]
    args += ["--select", *select] if select else []
    run_dbt(settings, args, target=target, variables=variables)
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    chosen = _selected(target)
    nodes = [
        node
        for name, node in manifest["nodes"].items()
        if name in chosen and node["resource_type"] in KINDS and node.get("compiled_code")
    ]
    relations = {
        name: (node["schema"], node.get("alias") or node.get("identifier"))
        for name, node in {**manifest["nodes"], **manifest["sources"]}.items()
        if node["resource_type"] in ("model", "seed", "snapshot", "source")
        and not name.endswith(EXPORT)
    }
    built = warehouse.tables({schema for schema, _ in relations.values()})
    return nodes, {name for name, relation in relations.items() if relation not in built}


def _selected(target: Path) -> set[str]:
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))
    return {result["unique_id"] for result in results["results"]}


def _cost(warehouse: Any, node: Mapping[str, Any], missing: set[str]) -> NodeCost:
    name, kind = node["name"], node["resource_type"]
    materialized = node["config"].get("materialized")
    if kind == "model" and materialized in ("view", "ephemeral"):
        return NodeCost(name, kind, 0)
    if missing.intersection(node["depends_on"]["nodes"]):
        return NodeCost(name, kind, 0, "not built")
    processed, tables = warehouse.dry_run(node["compiled_code"])
    again, statements = ROUNDS.get(materialized, (0, 1))
    if materialized == "incremental":
        again, statements = 0, 3
        processed += _rewritten(warehouse, node)
    return NodeCost(name, kind, billed(processed * (1 + again), tables, statements))


def _rewritten(warehouse: Any, node: Mapping[str, Any]) -> int:
    """Bytes of putting days in place: the new rows are read once more, and the days' old rows."""
    days = len(re.findall(r"'(?:intraday_|fresh_)?\d{8}'", node["compiled_code"]))
    if not days:
        return 0
    held = warehouse.size_of(node["schema"], node["alias"])
    loaded = warehouse.size_of(node["schema"], "ga4_partitions")
    if held is None or loaded is None or not loaded[1]:
        return 0
    return 2 * days * held[0] // loaded[1]


def _latest_day(settings: Settings, warehouse: Any) -> str | None:
    partitions = warehouse.relation("staging", "ga4_partitions")
    found = warehouse.fetch(
        f"select cast(max(event_date) as string) as day from {partitions} "
        "where shard_kind = 'daily'"
    )
    return found[0]["day"]


def _export_bytes(settings: Settings, warehouse: Any) -> int:
    """The sizes of the shards that a first build would read: more than it reads, never less."""
    reach = settings.bigquery
    first = settings.ga4.start_date
    bound = f"and substr(table_id, -8) >= '{first:%Y%m%d}'" if first else ""
    place = f"`{reach.ga4_project or reach.project}`.`{reach.ga4_dataset}`.`__TABLES__`"
    found = warehouse.fetch(
        f"""
        select coalesce(sum(size_bytes), 0) as bytes from {place}
        where starts_with(table_id, 'events_') {bound}"""
    )
    return billed(int(found[0]["bytes"]), 1)
