"""The overview of a workspace: last loads, last build, plans, runs, rejects, what is pending."""

import json
import sqlite3
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from madang import ui
from madang.config import Settings
from madang.errors import MadangError
from madang.ingest.holds import open_holds
from madang.ingest.inbox import waiting
from madang.ops import ga4_notes, hubs
from madang.ops.freshness import freshness, in_words, not_used
from madang.warehouse import Row, Warehouse, may_be_built, open_warehouse

LOADS = 8
PLANS = 5


def show_status(settings: Settings) -> None:
    """Print the overview. What the warehouse knows is left out while another process holds it."""
    rows = [
        ("workspace", str(settings.root)),
        ("as of", f"{settings.now():%Y-%m-%d %H:%M} UTC"),
        ("last build", _last_build(settings)),
        ("published", _published(settings.paths.marts)),
        ("rejects", _rejects(settings.paths.rejects)),
        ("received", waiting(settings)),
        ("pending", pending(settings)),
    ]
    ui.summary("Status", rows)
    if not may_be_built(settings):
        ui.line("There is no warehouse yet: run 'madang load' and 'madang build'.")
        return
    try:
        with open_warehouse(settings, read_only=True) as warehouse:
            _show_tables(settings, warehouse)
    except MadangError as error:
        ui.line(f"The warehouse cannot be read now: {error.message}", "yellow")


def pending(settings: Settings) -> str:
    """Say whether a sync was cut off and will go on with the next `sync --apply`."""
    path = settings.paths.journal
    if not path.exists():
        return "nothing"
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)
        try:
            runs = connection.execute(
                "select sync, plan_id, started_at, status from runs "
                "where status in ('running', 'interrupted', 'failed') and not is_folded "
                "order by run_id"
            ).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return f"the journal cannot be read: {error}"
    if not runs:
        return "nothing"
    name, plan_id, started_at, status = runs[-1]
    return (
        f"the run of {name} begun {started_at[:16]} UTC is {status}: if no 'madang sync' is at "
        f"work, 'madang sync --apply --plan {plan_id}' goes on with it"
    )


def _show_tables(settings: Settings, warehouse: Warehouse) -> None:
    zone = ZoneInfo(settings.timezone)
    loads = _rows(
        warehouse,
        "raw",
        "_files",
        "select files.file, files.source, files.rows, files.loaded, files.rejected, "
        "files.loaded_at from {} as files where files.loaded > 0 "  # a pull may find nothing new
        f"order by files.loaded_at desc limit {LOADS}",
    )
    columns = ("file", "source", "rows", "loaded", "rejected", "at")
    ui.table("Last loads", columns, _told(loads, zone), empty="nothing was loaded")
    held = [
        (row["file"], row["source"], row["why"], row["happened_at"])
        for row in open_holds(warehouse)
        if (settings.paths.inbox / row["file"]).exists()
    ]
    if held:
        rows = [(*row[:3], _local(row[3], zone)) for row in held]
        ui.table("Held files", ("file", "source", "why", "since"), rows)
        ui.line('  Correct them, or take one as it is: madang load FILE --accept "why"')
    found = freshness(settings, warehouse)
    told = [
        (one.label, _local(one.last_loaded_at, zone), in_words(one.every), one.state, one.rests)
        for one in found
        if one.is_used
    ]
    columns = ("source", "last loaded", "every", "state", "rests on it")
    ui.table("Freshness", columns, told, empty="no source is used yet")
    if names := not_used(found):
        ui.line(f"  not used: {names}")
    if apart := hubs.by_reason(warehouse):
        ui.table("Identifiers that name nobody", hubs.COLUMNS, _told(apart, zone))
        ui.line("  Each is a row of identity_hubs; docs/identity.md says what the reasons mean.")
    if noted := ga4_notes.notes(warehouse):
        ui.table("GA4: not understood, or masked", ga4_notes.COLUMNS, noted[: ga4_notes.SHOWN])
        ui.line("  By day in ga4_reading_notes; docs/ga4-export.md says what the causes mean.")
    if text := ga4_notes.at_limit(ga4_notes.days_at_limit(warehouse)):
        ui.line(f"  {text}", "yellow")
    plans = _rows(
        warehouse,
        "ledger",
        "sync_plans",
        f"select plan_id, sync, adds, changes, removes, unchanged, held_back, status, created_at "
        f"from {{}} order by plan_id desc limit {PLANS}",
    )
    columns = ("plan", "sync", "add", "change", "remove", "same", "held back", "status", "at")
    ui.table("Last plans", columns, _told(plans, zone), empty="nothing was planned")
    runs = _rows(
        warehouse,
        "ledger",
        "sync_runs",
        "select run_id, sync, destination, status, planned, accepted, rejected, skipped, requests, "
        f"started_at from {{}} order by run_id desc limit {PLANS}",
    )
    columns = ("run", "sync", "to", "status", "planned", "accepted", "rejected", "skipped")
    columns = (*columns, "requests", "at")
    ui.table("Last runs", columns, _told(runs, zone), empty="nothing was sent")


def _rows(warehouse: Warehouse, layer: str, table: str, sql: str) -> list[Row]:
    if not warehouse.exists(layer, table):
        return []
    return warehouse.fetch(sql.format(warehouse.relation(layer, table)))


def _told(rows: list[Row], zone: ZoneInfo) -> list[tuple]:
    """Rows as tuples, UTC timestamps in the workspace's zone."""
    return [tuple(_local(value, zone) for value in row.values()) for row in rows]


def _local(value: object, zone: ZoneInfo) -> object:
    if isinstance(value, datetime):
        return value.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone)
    return value


def _last_build(settings: Settings) -> str:
    path = settings.root / "target" / "run_results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        ended = datetime.fromisoformat(results["metadata"]["generated_at"])
        counts: dict[str, int] = {}
        for result in results["results"]:
            if result["status"] != "no-op":
                counts[result["status"]] = counts.get(result["status"], 0) + 1
    except FileNotFoundError:
        return "never"
    except (ValueError, KeyError, TypeError):
        return f"cannot be read: {path}"
    local = ended.astimezone(ZoneInfo(settings.timezone))
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return f"{local:%Y-%m-%d %H:%M}, {told}"


def _published(folder: Path) -> str:
    files = list(folder.glob("*.parquet")) if folder.is_dir() else []
    return f"{len(files)} marts in {folder}" if files else "nothing"


def _rejects(folder: Path) -> str:
    files = sorted(folder.glob("*.csv"), key=lambda p: p.stat().st_mtime) if folder.is_dir() else []
    return f"{len(files)} files in {folder}, the last is {files[-1].name}" if files else "none"
