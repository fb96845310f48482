"""What a daily run would read on BigQuery, worked out from a DuckDB workspace.

DuckDB's plans tell which columns of which tables each model and test reads; the tables and the
export's newest file tell how large these are. Reading by days grows with the events of a day, all
other reading of tables that are built from events with the events that are kept.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from madang.config import Settings
from madang.cost.bill import CostReport, NodeCost, billed
from madang.cost.compiled import EVENTS, Compiled, Node, compiled, repeated
from madang.cost.reads import Plans, Read, Sizes
from madang.errors import UsageError
from madang.warehouse import Warehouse, WarehouseError, open_warehouse

DAYS_READ = 2  # the new day, and one that GA4 restated
DAYS_A_MONTH = 30
UNITS = {"": 1, "k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9}


@dataclass(frozen=True)
class Volume:
    """How much there is to read: events a month, and how many months of them are kept."""

    events_per_month: float
    months: float

    @property
    def a_day(self) -> float:
        return self.events_per_month / DAYS_A_MONTH

    @property
    def kept(self) -> float:
        return self.events_per_month * self.months


@dataclass(frozen=True)
class Export:
    """What the warehouse holds of the export: events, days, and the files of the newest day."""

    events: int
    days: int
    day: str
    files: tuple[str, ...]

    @property
    def volume(self) -> Volume:
        return Volume(self.events / self.days * DAYS_A_MONTH, self.days / DAYS_A_MONTH)


@dataclass(frozen=True)
class Amount:
    """Bytes that a statement reads: of a day, of all events that are kept, and in any case."""

    a_day: float = 0
    kept: float = 0
    fixed: float = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.a_day + other.a_day, self.kept + other.kept, self.fixed + other.fixed)

    def over(self, days: float) -> int:
        return round(self.a_day * days + self.kept + self.fixed)


def volume_of(text: str) -> float:
    """Read a number of events: 2500000, 10M, 1.5B. Raises UsageError."""
    found = re.fullmatch(r"\s*([\d,_]*\.?\d+)\s*([a-z]*)\s*", text.lower())
    if not found or found[2] not in UNITS:
        raise UsageError(
            f"'{text}' is not a number of events.",
            where="--events-per-month",
            fix="Write it as 2500000, 10M, 100M or 1B.",
        )
    number = float(re.sub(r"[,_]", "", found[1])) * UNITS[found[2]]
    if number <= 0:
        raise UsageError("There must be events to read.", where="--events-per-month")
    return number


def forecast(
    settings: Settings,
    *,
    select: Sequence[str] = (),
    events_per_month: float | None = None,
    months: float | None = None,
) -> CostReport:
    """Return what a daily run would read on BigQuery, for the workspace's own volume or another.

    Raises UsageError where the warehouse is BigQuery, which knows by itself; WarehouseError where
    nothing is built yet.
    """
    if settings.warehouse.type != "duckdb":
        raise UsageError(
            "On BigQuery the cost of the next run is asked for, as things are there.",
            where=f"{settings.config_path}, warehouse.type",
            fix="Leave out --events-per-month and --months, or ask in a DuckDB workspace.",
        )
    with open_warehouse(settings, read_only=True) as warehouse:
        export = _export(settings, warehouse)
    run = compiled(settings, select, export.day)
    given = export.volume
    volume = Volume(events_per_month or given.events_per_month, months or given.months)
    with open_warehouse(settings, read_only=True) as warehouse:
        plans, sizes = Plans(warehouse), Sizes(warehouse)
        missing = run.missing(set(plans.columns))
        costs, first = [], 0
        for node in run.nodes:
            cost, whole = _cost(node, run, plans, sizes, export, volume, missing)
            costs.append(cost)
            first += whole
        an_event = sizes.of_files(export.files, _of_export(run, plans))
    told = _assumptions(export, volume, an_event, settings.cost.price_per_tib)
    return CostReport(costs, settings.cost.price_per_tib, settings.cost.daily_budget, first, told)


def _cost(
    node: Node,
    run: Compiled,
    plans: Plans,
    sizes: Sizes,
    export: Export,
    volume: Volume,
    missing: set[str],
) -> tuple[NodeCost, int]:
    """What a node is billed for on a day, and when everything is built for the first time."""
    name, kind = node["name"], node["resource_type"]
    if kind == "model" and node["config"].get("materialized") in ("view", "ephemeral"):
        return NodeCost(name, kind, 0, "sizes"), 0
    if missing.intersection(node["depends_on"]["nodes"]):
        return NodeCost(name, kind, 0, "not built"), 0
    reads = plans.reads(node["compiled_code"])
    amount = sum((_amount(read, run, sizes, export, volume) for read in reads), Amount())
    tables = len({read.table for read in reads}) or 1
    again, statements = repeated(node)

    def bill(days: float) -> int:
        return billed(amount.over(days) * (1 + again), tables, statements)

    return NodeCost(name, kind, bill(DAYS_READ), "sizes"), bill(volume.months * DAYS_A_MONTH)


def _amount(read: Read, run: Compiled, sizes: Sizes, export: Export, volume: Volume) -> Amount:
    if read.table is None:
        return Amount(a_day=sizes.of_files(export.files, read.columns) * volume.a_day)
    size = sizes.of_table(read.table, read.columns)
    node_id = run.relations.get(read.table)
    if node_id is None or not run.reads_from(node_id, EVENTS):
        return Amount(fixed=size)
    by_event = size / export.events
    day = (run.node(node_id)["config"].get("meta") or {}).get("overwritten_by")
    if day in read.bounded_by:
        return Amount(a_day=by_event * volume.a_day)
    return Amount(kept=by_event * volume.kept)


def _of_export(run: Compiled, plans: Plans) -> frozenset[str]:
    """The columns of the export that are read."""
    for node in run.nodes:
        if node["name"] == EVENTS:
            reads = plans.reads(node["compiled_code"])
            return frozenset().union(*(read.columns for read in reads if read.table is None))
    return frozenset()


def _export(settings: Settings, warehouse: Warehouse) -> Export:
    """What is there of the export. Raises WarehouseError where no day is built."""
    found: list[dict[str, Any]] = []
    if warehouse.exists("staging", EVENTS) and warehouse.exists("staging", "base_ga4__shards"):
        shards = warehouse.relation("staging", "base_ga4__shards")
        found = warehouse.fetch(
            f"""
            select
                cast(event_date as string) as day,
                location,
                (select count(*) from {warehouse.relation("staging", EVENTS)}) as events,
                (select count(distinct event_date) from {shards} where is_chosen) as days
            from {shards}
            where is_chosen and shard_kind = 'daily'
            order by event_date desc, property_id
            limit 1"""
        )
    if not found or not found[0]["events"]:
        raise WarehouseError(
            "No day of the GA4 export is built yet, so nobody can say what reading it takes.",
            where=str(settings.warehouse.path),
            fix="Run 'madang build', or 'madang demo' for a generated company.",
        )
    (row,) = found
    return Export(row["events"], row["days"], row["day"], tuple(row["location"].split("\n")))


def _assumptions(export: Export, volume: Volume, an_event: float, price: float) -> list[str]:
    of_here = "as here" if volume == export.volume else "as asked"
    return [
        f"{volume.events_per_month:,.0f} events a month, {volume.months:,.1f} months kept "
        f"({of_here}; here are {export.events:,} events of {export.days} days).",
        f"One build a day. It reads {DAYS_READ} days: the new one, and one that GA4 restated.",
        f"{an_event:,.0f} logical bytes an event are read of the export, as in the file of "
        f"{export.day}: whole columns, those that DuckDB's plans name.",
        "What is built from events grows as they do; CRM, orders, consent and outcomes stay as "
        "they are here.",
        f"USD {price:g} a TiB on demand; the first TiB of a month is free and not subtracted. "
        "Storage is not counted.",
    ]
