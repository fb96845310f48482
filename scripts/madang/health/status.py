"""Prints the overview of a workspace."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from madang import times, ui
from madang.health import ga4_notes
from madang.health.overview import CODES, FAILED, Data, status_of
from madang.people import hubs
from madang.settings.workspace import Settings

RUN_COLUMNS = ("run", "sync", "to", "status", "planned", "accepted", "rejected", "skipped")
RUN_COLUMNS += ("requests", "at")


def show_status(settings: Settings) -> int:
    """Print the overview. 0 all well, 1 something failed, 3 something needs a look."""
    data = status_of(settings)
    _Shown(settings, data).show()
    return CODES[data["status"]]


def show_json(settings: Settings) -> int:
    """Print the overview for machines. The exit codes are those of `show_status`."""
    data = status_of(settings)
    ui.json(data)
    return CODES[data["status"]]


class _Shown:
    def __init__(self, settings: Settings, data: Data) -> None:
        self._zone, self._data = settings.timezone, data
        self._pinned = " (pinned in madang.yml)" if data["as_of_is_pinned"] else ""

    def show(self) -> None:
        """Print everything, what needs attention last, where it is seen."""
        data = self._data
        pending = data["pending_sync"]
        rows = [
            ("workspace", data["workspace"]),
            ("as of", f"{self._told(data['as_of'])}{self._pinned}"),
            ("at work", data["at_work"] or "nothing"),
            ("last build", self._build(data["builds"]["last"])),
            ("last good", self._build(data["builds"]["last_good"])),
            ("published", self._files(data["published"], "marts", "nothing")),
            ("rejects", self._files(data["rejects"], "files", "none")),
            ("received", data["received"]),
            ("pending", f"{pending['sync']}, {pending['status']}" if pending else "nothing"),
        ]
        ui.summary("Status", rows)
        if data["warehouse"] == "none":
            ui.line("There is no warehouse yet: run 'madang load' and 'madang build'.")
        elif data["warehouse"] == "readable":
            self._tables()
        else:
            ui.line(f"The warehouse cannot be read now: {data['warehouse']}", "yellow")
        self._attention()

    def _tables(self) -> None:
        data = self._data
        columns = ("file", "source", "rows", "loaded", "rejected", "at")
        ui.table("Last loads", columns, self._rows(data["loads"]), empty="nothing was loaded")
        held = [(h["file"], h["source"], h["why"], h["happened_at"]) for h in data["held_files"]]
        if held:
            ui.table("Held files", ("file", "source", "why", "since"), self._moments(held))
        used = [
            (s["source"], s["last_loaded_at"], s["every"], s["state"], s["rests_on_it"])
            for s in data["sources"]
            if s["is_used"]
        ]
        columns = ("source", "last loaded", "every", "state", "rests on it")
        ui.table("Freshness", columns, self._moments(used), empty="no source is used yet")
        if names := data["sources_not_used"]:
            ui.line(f"  not used: {names}")
        if apart := data["identifiers_apart"]:
            ui.table("Identifiers that name nobody", hubs.COLUMNS, self._rows(apart))
            ui.line("  Each is a row of identity_hubs; docs/identity.md says what they mean.")
        if noted := data["ga4_notes"]:
            shown = self._rows(noted[: ga4_notes.SHOWN])
            ui.table("GA4: not understood, or masked", ga4_notes.COLUMNS, shown)
            ui.line("  By day in ga4_reading_notes; docs/ga4-export.md says what the causes mean.")
        if reused := data["reused_ids"]:
            columns = ("numbers of", "numbers", "things", "last at")
            ui.table("Numbers that stand for two things", columns, self._rows(reused))
            ui.line("  Each is a row of reused_ids; docs/loading.md says what becomes of them.")
        for text in data["notices"]:
            ui.line(text, "yellow")
        columns = ("plan", "sync", "add", "change", "remove", "same", "held back", "status", "at")
        ui.table("Last plans", columns, self._rows(data["plans"]), empty="nothing was planned")
        runs = [{k: v for k, v in run.items() if k != "plan_id"} for run in data["runs"]]
        ui.table("Last runs", RUN_COLUMNS, self._rows(runs), empty="nothing was sent")

    def _attention(self) -> None:
        for one in self._data["attention"]:
            style = "red" if one["level"] == FAILED else "yellow"
            ui.line(f"\n{one['what']}: {one['message']}", style)
            if one["fix"]:
                ui.line(f"    {one['fix']}")

    def _build(self, one: Data | None) -> str:
        if one is None:
            return "never" if self._data["warehouse"] == "none" else "none is noted"
        clock = f", by the clock {self._told(one['as_of'])}" if one["is_pinned"] else ""
        part = ", a selection" if one["is_part"] else ""
        warned = f", {one['warned']} warned" if one["warned"] else ""
        failed = f", {one['failed']} failed" if one["failed"] else ""
        at = self._told(one["ended_at"] or one["started_at"])
        return f"{at}, {one['command']}: {one['state']}{failed}{warned}{part}{clock}"

    def _files(self, folder: Data, what: str, none: str) -> str:
        if not folder["files"]:
            return none
        last = f", the last is {folder['last']}" if what == "files" else ""
        return f"{folder['files']} {what} in {folder['folder']}{last}"

    def _told(self, moment: str | None) -> str:
        return times.told(moment, self._zone)

    def _rows(self, rows: Sequence[Data]) -> list[tuple]:
        return self._moments([tuple(row.values()) for row in rows])

    def _moments(self, rows: Sequence[tuple]) -> list[tuple]:
        """JSON's texts of moments as moments again, for the table to show in the zone."""
        return [tuple(_moment(value) for value in row) for row in rows]


def _moment(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-" and value[10:11] == "T":
        read = times.read(value)
        return read if isinstance(read, datetime) else value
    return value
