"""The overview of a workspace as data: last loads, builds, plans, runs, and what needs attention.

Its shape is documented in docs/runbook.md; it holds no personal data. status.py prints it.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from madang import times
from madang.build.builds import Build, Builds, another_clock, builds_of
from madang.errors import MadangError
from madang.health import ga4_notes
from madang.health.freshness import freshness, in_words, not_used
from madang.health.notices import notices
from madang.ingest.calls.drain import waiting
from madang.ingest.landing.holds import open_holds
from madang.ingest.landing.land import clock_at
from madang.lock import at_work
from madang.people import hubs
from madang.settings.workspace import Settings
from madang.storage import NO_ROOM, closed, free_bytes
from madang.sync import SyncError, ledger
from madang.sync.journal import check, reading
from madang.warehouse import Row, Warehouse, may_be_built, open_warehouse

VERSION = 1  # of the shape; keys may be added without a new one
SHOWN = 8  # loads, plans and runs
Level = Literal["failed", "partly"]
FAILED: Level = "failed"
PARTLY: Level = "partly"
CODES = {"ok": 0, FAILED: 1, PARTLY: 3}
Data = dict[str, Any]
FILES = ("file", "source", "rows", "loaded", "rejected", "loaded_at")
PLANS = ("plan_id", "sync", "adds", "changes", "removes", "unchanged", "held_back", "status")
PLANS += ("created_at",)
RUNS = ("run_id", "plan_id", "sync", "destination", "status", "planned", "accepted", "rejected")
RUNS += ("skipped", "requests", "started_at")
NOTES = ("field", "of", "cause", "occurrences", "first_date", "last_date")
UNFOLDED = """
    select sync, plan_id, started_at, status from runs
    where status in ('running', 'interrupted', 'failed') and not is_folded
    order by rowid"""


def status_of(settings: Settings) -> Data:
    """Return the overview, as JSON holds it. What cannot be read is said, and needs attention."""
    found = _Found(settings)
    data: Data = {
        "version": VERSION,
        "status": "ok",
        "attention": found.attention,
        "workspace": str(settings.root),
        "timezone": settings.timezone,
        "as_of": found.iso(settings.now()),
        "as_of_is_pinned": settings.as_of is not None,
        "at_work": found.at_work,
        "published": _folder(settings.paths.marts, "*.parquet"),
        "rejects": _folder(settings.paths.rejects, "*.csv"),
        "received": waiting(settings),
        "pending_sync": found.pending(),
        "warehouse": "none",
        "builds": {"last": None, "last_whole": None, "last_good": None},
        **{name: [] for name in ("loads", "held_files", "sources", "identifiers_apart", "notices")},
        **{name: [] for name in ("ga4_notes", "reused_ids", "plans", "runs")},
        "sources_not_used": "",
    }
    if may_be_built(settings):
        try:
            with open_warehouse(settings, read_only=True) as warehouse:
                data.update(found.tables(warehouse))
            data["warehouse"] = "readable"
        except MadangError as error:
            data["warehouse"] = error.message
            if found.at_work is None:
                found.needs("warehouse", FAILED, error.message, error.fix)
    found.erasures()
    found.storage()
    levels = {one["level"] for one in found.attention}
    data["status"] = next((level for level in (FAILED, PARTLY) if level in levels), "ok")
    return json.loads(json.dumps(data, default=str))


class _Found:
    """What was found of one workspace, and what of it needs attention."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.attention: list[Data] = []
        self.at_work = at_work(settings)

    def needs(self, what: str, level: Level, message: str, fix: str | None) -> None:
        """Note something that a person has to look at."""
        self.attention.append({"what": what, "level": level, "message": message, "fix": fix})

    def iso(self, moment: datetime | None) -> str | None:
        return times.iso(moment, self.settings.timezone)

    def tables(self, warehouse: Warehouse) -> Data:
        """Return what the warehouse knows."""
        builds = builds_of(warehouse)
        self._judge_builds(builds)
        if clock := another_clock(self.settings, warehouse):
            self.needs("clock", PARTLY, clock, "Run 'madang build'.")
        held = [
            row
            for row in open_holds(warehouse)
            if (self.settings.paths.inbox / row["file"]).exists()
        ]
        for row in held:
            fix = 'Correct it, or take it as it is: madang load FILE --accept "why"'
            self.needs("held file", PARTLY, f"{row['file']} is held: {row['why']}", fix)
        found = freshness(self.settings, warehouse)
        sources = [
            {
                "source": one.label,
                "last_loaded_at": self.iso(one.last_loaded_at),
                "every": in_words(one.every) or None,
                "state": one.state,
                "rests_on_it": one.rests,
                "is_used": one.is_used,
            }
            for one in found
        ]
        for one in sources:
            if one["state"].startswith("late") and one["rests_on_it"]:
                message = f"{one['source']} is {one['state']}; on it rest {one['rests_on_it']}"
                self.needs("late source", PARTLY, message, "Load its new files.")
        runs = _newest_in_ledger(warehouse, "sync_runs", "run_id")
        plans = _newest_in_ledger(warehouse, "sync_plans", "plan_id")
        self._judge_syncs(runs, plans)
        return {
            "builds": {name: self._build(one) for name, one in vars(builds).items()},
            "loads": self._rows(_newest_loads(warehouse), FILES),
            "held_files": self._rows(held),
            "sources": sources,
            "sources_not_used": not_used(found),
            "identifiers_apart": self._rows(hubs.by_reason(warehouse)),
            "reused_ids": self._rows(_reused_ids(warehouse)),
            "ga4_notes": [dict(zip(NOTES, row, strict=True)) for row in ga4_notes.notes(warehouse)],
            "notices": notices(warehouse),
            "plans": self._rows(plans, PLANS),
            "runs": self._rows(runs, RUNS),
        }

    def pending(self) -> Data | None:
        """Return the sync that was cut off and will go on with the next `sync --apply`."""
        path = self.settings.paths.journal
        if not path.exists():
            return None
        try:
            with reading(path) as journal:
                check(journal)
                runs = journal.execute(UNFOLDED).fetchall()
        except SyncError as error:
            self.needs("journal", FAILED, error.message, error.fix)
            return None
        if not runs:
            return None
        name, plan_id, started_at, status = runs[-1]
        begun = f"{started_at}+00:00"
        if self.at_work is None:
            status = "cut off" if status == "running" else status
            message = f"The run of {name} begun {self._told(begun)} is {status}."
            fix = f"'madang sync --apply --plan {plan_id}' goes on with it."
            self.needs("sync", FAILED, message, fix)
        moment = times.read(begun)
        begun_at = self.iso(moment) if isinstance(moment, datetime) else started_at
        return {"sync": name, "plan_id": plan_id, "begun_at": begun_at, "status": status}

    def erasures(self) -> None:
        """Look for erasures that are not finished."""
        for path in sorted((self.settings.root / "erasures").glob("*.pending")):
            self.needs("erasure", PARTLY, f"{path.stem} is not finished.", "Run 'madang erase'.")

    def storage(self) -> None:
        """Look whether the next command can write."""
        paths = self.settings.paths
        if free_bytes(self.settings.root) < NO_ROOM:
            self.needs("disk", PARTLY, f"The disk of {self.settings.root} is full.", "Make room.")
        places = (closed(folder) for folder in (paths.logs, paths.plans, paths.marts))
        for place in dict.fromkeys(filter(None, places)):
            fix = "'madang doctor' looks at all folders."
            self.needs("folder", PARTLY, f"{place} cannot be written to.", fix)

    def _judge_builds(self, builds: Builds) -> None:
        for one in dict.fromkeys((builds.last, builds.last_whole)):
            if one is None or one.state == "good" or (one.ended_at is None and self.at_work):
                continue
            begun = f"The build ({one.command}) begun {self._told(one.started_at)}"
            if one.state == "failed":
                message = f"{begun} failed at {one.failed} of its nodes."
            else:
                message = f"{begun} has no end: it was killed, or is at work elsewhere."
            good = builds.last_good
            ended = f"ended {self._told(good.ended_at)}" if good else "there is none"
            self.needs("build", FAILED, f"{message} The last good one: {ended}.", "Build again.")

    def _judge_syncs(self, runs: Sequence[Row], plans: Sequence[Row]) -> None:
        """Look at the newest run and plan of each sync; both come newest first."""
        for run in _first_of_each(runs):
            message = f"The run of {run['sync']} begun {self._told(run['started_at'])}"
            if run["status"] in ("failed", "interrupted"):
                self.needs("sync", FAILED, f"{message} is {run['status']}.", "Send again.")
            elif run["status"] == "partial":
                fix = "The ledger's table sync_rejects has the destination's words."
                self.needs("sync", PARTLY, f"{message} was refused in part.", fix)
        sent = {run["plan_id"] for run in runs}
        for plan in _first_of_each(plans):
            if plan["status"] == "guarded" and plan["plan_id"] not in sent:
                message = f"A guard stops the plan {plan['plan_id']} of {plan['sync']}."
                fix = "'madang sync' shows it; 'madang sync --apply --force' if it is meant."
                self.needs("plan", PARTLY, message, fix)

    def _told(self, moment: datetime | str | None) -> str:
        return times.told(moment, self.settings.timezone)

    def _build(self, one: Build | None) -> Data | None:
        return {**self._row(asdict(one)), "state": one.state} if one else None

    def _rows(self, rows: Iterable[Row], columns: Sequence[str] = ()) -> list[Data]:
        """Rows with the named columns; None for one that a table of an earlier version lacks."""
        return [self._row({name: row.get(name) for name in columns or row.keys()}) for row in rows]

    def _row(self, row: Row) -> Data:
        return {
            name: self.iso(value) if isinstance(value, datetime) else value
            for name, value in row.items()
        }


def _newest_loads(warehouse: Warehouse) -> list[Row]:
    """The files loaded last, by the ledger's order, each with what the clock said then."""
    if not warehouse.exists("raw", "_files"):
        return []
    rows = warehouse.fetch(
        f"select files.*, {clock_at(warehouse)} as told_at "
        f"from {warehouse.relation('raw', '_files')} as files where files.loaded > 0 "
        f"order by files.loaded_at desc limit {SHOWN}"
    )
    return [{**row, "loaded_at": row["told_at"]} for row in rows]


def _newest_in_ledger(warehouse: Warehouse, table: str, name: str) -> list[Row]:
    if not warehouse.exists("ledger", table):
        return []
    order = ledger.newest_first(warehouse, table, name)
    relation = warehouse.relation("ledger", table)
    return warehouse.fetch(f"select * from {relation} order by {order} limit {SHOWN}")


def _reused_ids(warehouse: Warehouse) -> list[Row]:
    """How many ids of each table stand for two things."""
    if not warehouse.exists("marts", "reused_ids"):
        return []
    return warehouse.fetch(
        "select source_table, count(*) as ids, sum(things) as things, max(last_at) as last_at "
        f"from {warehouse.relation('marts', 'reused_ids')} "
        "group by source_table order by source_table"
    )


def _first_of_each(rows: Iterable[Row]) -> list[Row]:
    """The first row of each sync."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(row["sync"], row)
    return list(found.values())


def _folder(folder: Path, pattern: str) -> Data:
    """How many files a folder has, and which is the newest."""
    files: list[Path] = []
    with suppress(OSError):
        files = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
    return {"folder": str(folder), "files": len(files), "last": files[-1].name if files else None}
