"""What a daily run would read on BigQuery, worked out from a DuckDB workspace.

DuckDB's plans tell which columns of which tables each model and test reads; the tables and the
export's newest file tell how large these are. Reading by days grows with the events of a day, all
other reading of tables that are built from events with the events that are kept.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from madang.cost.bill import CostReport, NodeCost, billed
from madang.cost.compiled import EVENTS, Compiled, Node, compiled, repeated
from madang.cost.reads import Plans, Read, Sizes
from madang.errors import UsageError
from madang.settings.workspace import Settings
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
    """Bytes that a node reads: by event of the days that changed, by event kept, in any case."""

    by_changed: float = 0
    by_kept: float = 0
    fixed: float = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            self.by_changed + other.by_changed,
            self.by_kept + other.by_kept,
            self.fixed + other.fixed,
        )

    def of(self, volume: Volume, days: float) -> float:
        return self.by_changed * volume.a_day * days + self.by_kept * volume.kept + self.fixed


@dataclass(frozen=True)
class Reading:
    """What one model or test reads, of how many tables, and how it is repeated.

    `amount` is None where a table that it reads is not built.
    """

    name: str
    kind: str
    amount: Amount | None
    tables: int = 1
    again: int = 0
    statements: int = 1

    def cost(self, volume: Volume, days: float = DAYS_READ) -> NodeCost:
        if self.amount is None:
            return NodeCost(self.name, self.kind, 0, "not built")
        if not self.tables:  # a view
            return NodeCost(self.name, self.kind, 0, "sizes")
        processed = round(self.amount.of(volume, days) * (1 + self.again))
        billed_for = billed(processed, self.tables, self.statements)
        return NodeCost(self.name, self.kind, billed_for, "sizes")


@dataclass(frozen=True)
class Forecast:
    """What every node reads, by event; a report for any volume follows from it."""

    readings: list[Reading]
    export: Export
    bytes_an_event: float
    price_per_tib: float
    budget: int | None

    def report(self, volume: Volume) -> CostReport:
        """What a daily run is billed for, and what the first build is."""
        days = volume.months * DAYS_A_MONTH
        return CostReport(
            [reading.cost(volume) for reading in self.readings],
            self.price_per_tib,
            self.budget,
            sum(reading.cost(volume, days).bytes for reading in self.readings),
            self._assumptions(volume),
        )

    def _assumptions(self, volume: Volume) -> list[str]:
        export = self.export
        of_here = "as here" if volume == export.volume else "as asked"
        return [
            f"{volume.events_per_month:,.0f} events a month, {volume.months:,.1f} months kept "
            f"({of_here}; here are {export.events:,} events of {export.days} days).",
            f"One build a day. It reads {DAYS_READ} days: the new one, and one that GA4 restated.",
            f"{self.bytes_an_event:,.0f} logical bytes an event are read of the export, as in the "
            f"file of {export.day}: whole columns, those that DuckDB's plans name.",
            "What is built from events grows as they do; CRM, orders, consent and outcomes stay "
            "as they are here.",
            f"USD {self.price_per_tib:g} a TiB on demand; the first TiB of a month is free and "
            "not subtracted. Storage is not counted.",
        ]


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


def forecast(settings: Settings, select: Sequence[str] = ()) -> Forecast:
    """Find out what a run reads of a DuckDB workspace.

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
    with open_warehouse(settings, read_only=True) as warehouse:
        plans, sizes = Plans(warehouse), Sizes(warehouse)
        missing = run.missing(set(plans.columns))
        readings = [_reading(node, run, plans, sizes, export, missing) for node in run.nodes]
        an_event = sum(
            sizes.of_files(export.files, read.columns)
            for node in run.nodes
            if node["name"] == EVENTS
            for read in plans.reads(node["compiled_code"])
            if read.table is None
        )
    cost = settings.cost
    return Forecast(readings, export, an_event, cost.price_per_tib, cost.daily_budget)


def _reading(
    node: Node, run: Compiled, plans: Plans, sizes: Sizes, export: Export, missing: set[str]
) -> Reading:
    name, kind = node["name"], node["resource_type"]
    if kind == "model" and node["config"].get("materialized") in ("view", "ephemeral"):
        return Reading(name, kind, Amount(), tables=0)
    if missing.intersection(node["depends_on"]["nodes"]):
        return Reading(name, kind, None)
    reads = plans.reads(node["compiled_code"])
    amount = sum((_amount(read, run, sizes, export) for read in reads), Amount())
    return Reading(name, kind, amount, len({read.table for read in reads}) or 1, *repeated(node))


def _amount(read: Read, run: Compiled, sizes: Sizes, export: Export) -> Amount:
    if read.table is None:
        return Amount(by_changed=sizes.of_files(export.files, read.columns))
    size = sizes.of_table(read.table, read.columns)
    node_id = run.relations.get(read.table)
    if node_id is None or not run.reads_from(node_id, EVENTS):
        return Amount(fixed=size)
    day = (run.node(node_id)["config"].get("meta") or {}).get("overwritten_by")
    if day in read.bounded_by:
        return Amount(by_changed=size / export.events)
    return Amount(by_kept=size / export.events)


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
            fix="Run 'madang build' with its files in place, or 'madang demo' for a generated "
            "company.",
        )
    (row,) = found
    return Export(row["events"], row["days"], row["day"], tuple(row["location"].split("\n")))
