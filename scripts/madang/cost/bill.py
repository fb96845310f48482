"""What a run would be billed for: by model and test, in all, and against the budget."""

from dataclasses import asdict, dataclass, field
from typing import Any

from madang import ui
from madang.errors import MadangError

# Source: cloud.google.com/bigquery/pricing#on_demand_pricing
LEAST = 10 * 2**20
MIB = 2**20
TIB = 2**40
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
    """What a daily run would be billed for. Prices are USD on demand.

    `first_build` is what building everything once would be billed for, where that is known;
    `assumptions` are sentences that a reader should hold against what he knows.
    """

    nodes: list[NodeCost]
    price_per_tib: float
    budget: int | None
    first_build: int | None = None
    assumptions: list[str] = field(default_factory=list)

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


def show(report: CostReport) -> None:
    """Print what a daily run reads."""
    known = [node for node in report.largest(len(report.nodes)) if node.bytes]
    tests = [node for node in known if node.kind == "test" and node.bytes <= LEAST]
    rows = [
        (node.name, node.kind, size(node.bytes), node.basis) for node in known if node not in tests
    ]
    if tests:
        whole, basis = sum(node.bytes for node in tests), tests[0].basis
        rows.append((f"{len(tests)} tests of the least size", "test", size(whole), basis))
    ui.table("A daily run reads on BigQuery", ("model", "kind", "billed", "known by"), rows)
    price = f"USD {report.price_per_tib:g} a TiB"
    told = [
        ("a day", f"{size(report.bytes)}, USD {report.dollars:,.2f} at {price}"),
        ("30 days", f"{size(30 * report.bytes)}, USD {30 * report.dollars:,.2f}"),
    ]
    if report.first_build is not None:
        dollars = report.first_build / TIB * report.price_per_tib
        told.append(("the first build", f"{size(report.first_build)}, USD {dollars:,.2f}"))
    budget = size(report.budget) if report.budget is not None else "none (cost.daily_budget)"
    ui.summary("In all", [*told, ("budget", budget)])
    if report.assumptions:
        ui.summary(
            "Assumed",
            [(str(number), text) for number, text in enumerate(report.assumptions, start=1)],
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
        "first_build": report.first_build,
        "assumptions": report.assumptions,
        "nodes": [asdict(node) for node in report.largest(len(report.nodes))],
    }


def size(count: int) -> str:
    """Return a number of bytes in words, in the binary units in which BigQuery bills."""
    for unit, least in (("TiB", TIB), ("GiB", 2**30), ("MiB", MIB)):
        if count >= least:
            return f"{count / least:,.2f} {unit}"
    return f"{count:,} bytes"
