"""Our figures beside GA4's: what the export holds, what became of it, what explains each gap."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from madang import ui
from madang.build.export import missing
from madang.errors import UsageError, did_you_mean
from madang.health.ga4_notes import at_limit
from madang.health.notices import of_days
from madang.parity.file import FigureFile, problems_of, read_figures
from madang.parity.gaps import Day, Gap, gaps_of
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse, WarehouseError, open_warehouse

SHOWN_DAYS = 31
SHOWN_GAPS = 15
FATE = (
    ("day", "event_date"),
    ("property", "property_id"),
    ("shard", "shard_kind"),
    ("final", "is_final"),
    ("exported", "exported_rows"),
    ("duplicates", "duplicate_rows"),
    ("events", "events"),
    ("no device", "events_without_device"),
    ("no session", "events_without_session"),
    ("unread", "unread_events"),
    ("sessions", "sessions"),
    ("programs", "bot_sessions"),
    ("purchases", "purchases"),
    ("left out", "left_out_purchases"),
)


@dataclass(frozen=True)
class Parity:
    """The days of the export, and how GA4's figures compare where a file told any."""

    days: list[Day]
    gaps: list[Gap]
    tolerance: float
    file: FigureFile | None = None

    @property
    def unexplained(self) -> list[Gap]:
        """Gaps of which more is left than is tolerated, the largest share first."""
        left = [gap for gap in self.gaps if not gap.is_explained(self.tolerance)]
        return sorted(left, key=lambda gap: -abs(gap.unexplained) / max(abs(gap.ga4), 1))

    @property
    def exit_code(self) -> int:
        """0: everything is explained; 3: something is not, or rows could not be read."""
        return 3 if self.unexplained or (self.file and self.file.problems) else 0


def compare(
    settings: Settings,
    path: Path | None = None,
    *,
    property_id: str | None = None,
    tolerance: float = 0.01,
) -> Parity:
    """Compare the built days with GA4's figures in a file; without one, only tell the days.

    Raises UsageError for a file or property that is of no use, WarehouseError where nothing is
    built.
    """
    file = read_figures(path) if path else None
    with open_warehouse(settings, read_only=True) as warehouse:
        days = _days(settings, warehouse)
    known = sorted({day["property_id"] for day in days})
    if property_id is not None and property_id not in known:
        raise UsageError(
            f"The export has no property {property_id}.{did_you_mean(property_id, known)}",
            where="--property",
            fix=f"Known are: {', '.join(known)}.",
        )
    by_day = {(day["property_id"], day["event_date"]): day for day in days}
    gaps: list[Gap] = []
    for told in file.figures if file else ():
        of = told.property_id or property_id or _only(known, path)
        if property_id in (None, of):
            gaps += gaps_of(told, of, by_day.get((of, told.day)))
    if property_id:
        days = [day for day in days if day["property_id"] == property_id]
    return Parity(days, gaps, tolerance, file)


def _only(known: Sequence[str], path: Path | None) -> str:
    if len(known) == 1:
        return known[0]
    raise UsageError(
        f"The export has {len(known)} properties, and the file does not say whose figures it has.",
        where=str(path),
        fix=f"Name one with --property ({', '.join(known)}), or add a column property_id.",
    )


def _days(settings: Settings, warehouse: Warehouse) -> list[Day]:
    found: list[Day] = []
    if warehouse.exists("activity", "ga4_days"):
        relation = warehouse.relation("activity", "ga4_days")
        found = list(warehouse.fetch(f"select * from {relation} order by event_date, property_id"))
    if not found:
        why = missing(settings)
        raise WarehouseError(
            f"There is no GA4 export to compare: {why}."
            if why
            else "No day of the GA4 export is built yet.",
            where=f"{settings.schema_of('activity')}.ga4_days",
            fix="Put its files there first." if why else "Run 'madang build' first.",
        )
    if "debug_events" not in found[0]:
        raise WarehouseError(
            "The days of the GA4 export were built by an earlier version.",
            where=f"{settings.schema_of('activity')}.ga4_days",
            fix="Run 'madang build' first.",
        )
    return found


def as_json(parity: Parity) -> dict[str, Any]:
    """Return the comparison for machines."""
    file = parity.file
    return {
        "tolerance": parity.tolerance,
        "notices": of_days(parity.days),
        "days": [{**day, "event_date": day["event_date"].isoformat()} for day in parity.days],
        "gaps": [
            {
                **asdict(gap),
                "day": gap.day.isoformat(),
                "gap": gap.gap,
                "is_explained": gap.is_explained(parity.tolerance),
            }
            for gap in parity.gaps
        ],
        "unreadable": list(problems_of(file)) if file else [],
        "left_aside": file.left_aside if file else [],
    }


def show(parity: Parity) -> None:
    """Print what became of the export, the gaps by figure, and the days that nothing explains."""
    days = parity.days[-SHOWN_DAYS:]
    title = "What became of the export"
    if len(days) < len(parity.days):
        title += f" (the last {len(days)} of {len(parity.days)} days; all with --json)"
    rows = [tuple(_plain(day.get(column)) for _, column in FATE) for day in days]
    ui.table(title, [name for name, _ in FATE], rows)
    limited = at_limit([day for day in parity.days if day.get("is_at_export_limit")])
    for text in [*of_days(parity.days), *([limited] if limited else [])]:
        ui.line(text, "yellow")
    if parity.file is None:
        ui.line("Give a CSV of GA4's figures by day to compare them: madang parity FILE.")
        return
    _show_metrics(parity)
    _show_unexplained(parity)
    for text in problems_of(parity.file):
        ui.line(text, "yellow")
    if parity.file.left_aside:
        ui.line(f"Not compared: {', '.join(parity.file.left_aside)}.")


def _show_metrics(parity: Parity) -> None:
    """A row a figure: sums over all days, with what each cause explains of the gap."""
    causes: dict[str, None] = {}
    sums: dict[str, dict[str, float]] = {}
    for gap in parity.gaps:
        row = sums.setdefault(gap.metric, defaultdict(float))
        row["GA4"] += gap.ga4
        row["ours"] += gap.ours
        row["gap"] += gap.gap
        row["unexplained"] += gap.unexplained
        for cause, amount in gap.causes.items():
            causes[cause] = None
            row[cause] += amount
    columns = ("GA4", "ours", "gap", *causes, "unexplained")
    rows = [
        (metric, *(_number(row.get(column, 0.0)) for column in columns))
        for metric, row in sums.items()
    ]
    compared = len({(gap.day, gap.property_id) for gap in parity.gaps})
    ui.table(f"Against GA4, {compared} days", ("figure", *columns), rows)


def _show_unexplained(parity: Parity) -> None:
    left = parity.unexplained
    if not left:
        ui.line(f"Every gap is explained, to within {parity.tolerance:.1%}.", "green")
        return
    rows = [
        (
            str(gap.day),
            gap.property_id,
            gap.metric,
            _number(gap.ga4),
            _number(gap.ours),
            _number(gap.unexplained),
            f"{gap.unexplained / gap.ga4:+.1%}" if gap.ga4 else "-",
        )
        for gap in left[:SHOWN_GAPS]
    ]
    names = ("day", "property", "figure", "GA4", "ours", "unexplained", "of GA4's")
    ui.table(f"Unexplained, {len(left)} of {len(parity.gaps)} figures", names, rows)


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else round(value, 2)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
