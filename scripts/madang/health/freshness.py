"""What came late: each source against its cadence, and what rests on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from madang.ingest.landing.land import clock_at
from madang.ingest.sources import read_sources
from madang.settings.workspace import Settings
from madang.specs.freshness import read_cadences, required_sources
from madang.warehouse import Warehouse

KINDS = {"mart": "marts", "sync": "syncs", "report": "reports"}


@dataclass(frozen=True)
class Freshness:
    """One loaded table. `late` is zero while it is on time; None where no cadence is declared.

    `is_used`: something of it was loaded, or somebody expects it.
    """

    label: str
    last_loaded_at: datetime | None
    every: timedelta | None
    late: timedelta | None
    rests: str
    is_used: bool = True

    @property
    def state(self) -> str:
        """`fresh`, `late by 2 days`, `never loaded`, `not used` or `no cadence`."""
        if self.last_loaded_at is None:
            return "never loaded" if self.is_used else "not used"
        if self.late is None:
            return "no cadence"
        return f"late by {in_words(self.late)}" if self.late else "fresh"


def freshness(settings: Settings, warehouse: Warehouse) -> list[Freshness]:
    """Return every table that is loaded from files; what rests on it is of the last build."""
    loaded: dict[str, datetime] = {}
    if warehouse.exists("raw", "_files"):
        rows = warehouse.fetch(
            f"""
            select files.source, {clock_at(warehouse)} as last_loaded_at
            from {warehouse.relation("raw", "_files")} as files
            qualify row_number() over (
                partition by files.source order by files.loaded_at desc
            ) = 1"""
        )
        loaded = {row["source"]: row["last_loaded_at"] for row in rows}
    dependents = _dependents(warehouse)
    expected = _expected(settings, {label.split(".")[0] for label in loaded})
    found = []
    for cadence in read_cadences(settings.project_dir):
        last = loaded.get(cadence.label)
        late = None
        if last and cadence.every:
            late = max(settings.now() - last.replace(tzinfo=UTC) - cadence.every, timedelta())
        rests = dependents.get(cadence.source, "")
        is_used = last is not None or not expected.isdisjoint((cadence.source, cadence.label))
        found.append(Freshness(cadence.label, last, cadence.every, late, rests, is_used))
    return found


def not_used(found: Sequence[Freshness]) -> str:
    """Name the tables that nobody uses: a source at once where none of its tables is."""
    used = {one.label.split(".")[0] for one in found if one.is_used}
    names = [one.label for one in found if not one.is_used]
    whole = (name.split(".")[0] for name in names)
    return ", ".join(
        dict.fromkeys(n if w in used else w for n, w in zip(names, whole, strict=True))
    )


def _expected(settings: Settings, loaded: set[str]) -> set[str]:
    """Sources and tables that somebody expects though nothing of them was loaded: what an audience
    wants fresh, what lies in the inbox, what madang.yml pulls.
    """
    expected = required_sources(settings.project_dir) - loaded
    inbox = settings.paths.inbox
    for folder in inbox.iterdir() if inbox.is_dir() else ():
        if folder.name not in loaded and any(path.is_file() for path in folder.rglob("*")):
            expected.add(folder.name)
    if settings.salesforce:
        names = {name.lower() for name in settings.salesforce.objects or ()}
        expected |= {
            table.label
            for table in read_sources(settings.project_dir)
            if table.pull and (not names or table.pull.lower() in names)
        }
    return expected


def in_words(span: timedelta | None) -> str:
    """A span of time as people say it: 3 days, 5 hours, 20 minutes; nothing for None."""
    if span is None:
        return ""
    minutes = int(span.total_seconds() // 60)
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if count := minutes // size:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def _dependents(warehouse: Warehouse) -> dict[str, str]:
    """What rests on each source: audiences by name, marts, syncs and reports by number."""
    if not warehouse.exists("marts", "source_dependents"):
        return {}
    rows = warehouse.fetch(
        "select source_name, kind, dependent from "
        f"{warehouse.relation('marts', 'source_dependents')} order by dependent"
    )
    by_source: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        kinds = by_source.setdefault(row["source_name"], {})
        kinds.setdefault(row["kind"], []).append(row["dependent"])
    told = {}
    for source, kinds in by_source.items():
        parts = [f"audiences {', '.join(kinds['audience'])}"] if "audience" in kinds else []
        parts += [f"{len(kinds[kind])} {KINDS[kind]}" for kind in KINDS if kind in kinds]
        told[source] = "; ".join(parts)
    return told
