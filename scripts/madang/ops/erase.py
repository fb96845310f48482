"""Removes a person everywhere, for good, and writes a certificate of what was removed where.

The steps, each of which may be repeated: what the person is known by is kept in a file that only
the owner can read; hashes of it go into the warehouse, so that nothing that is loaded later brings
the person back; logs are cleared; destinations are asked to delete; everything is built without the
person; every table is counted again; the file is deleted. A run that dies is taken up by the next
one with the same PERSON, or without one.
"""

import getpass
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from madang import ui
from madang.audiences import require
from madang.config import Settings
from madang.decisions import read, write
from madang.errors import MadangError, UsageError
from madang.ops import erase_tables
from madang.ops.decide import PERSONAL
from madang.ops.erase_values import Known, keep, kept, known_by
from madang.ops.identifiers import TABLES, around, find
from madang.ops.run import PARTIAL, WRONG, build
from madang.sync.clock import new_id
from madang.sync.destinations import open_by_name
from madang.sync.engine import open_plans
from madang.sync.pending import was_begun
from madang.sync.plan import read_plan
from madang.warehouse import open_warehouse

FOLDER = "erasures"


class ErasureError(MadangError):
    """An erasure could not be finished."""


def erase(
    settings: Settings, who: str | None, reason: str, author: str | None, dry: bool = False
) -> int:
    """Erase a person, or finish erasures that were begun. 0 when all is done, 3 when not yet.

    Raises UsageError where nobody is known, ErasureError where rows of the person are left.
    """
    folder = settings.root / FOLDER
    begun = sorted(folder.glob("*.pending"))
    if who is not None:
        path = _begin(settings, folder, who, reason, author, dry)
        if path is None:
            return 0
        begun = [path]
    if not begun:
        raise UsageError("No erasure is waiting to be finished.", fix="Say who is to be erased.")
    return max(_finish(settings, path) for path in begun)


def _begin(
    settings: Settings, folder: Path, who: str, reason: str, author: str | None, dry: bool
) -> Path | None:
    """Write down who is to be erased, once; None for a dry run."""
    if not reason.strip() or PERSONAL.search(reason):
        raise UsageError(
            "The reason is empty, or holds an e-mail address or a telephone number.",
            fix="Say why in words, such as the number of the request.",
        )
    asked = hashlib.sha256(who.strip().encode()).hexdigest()
    for path in folder.glob("*.pending"):
        if _certificate(path)["asked_for"] == asked:
            return path
    with open_warehouse(settings) as warehouse:
        require(warehouse, *TABLES)
        waiting = [read_plan(settings, plan) for plan in open_plans(settings, warehouse)]
        if any(was_begun(warehouse, plan) for plan in waiting):
            raise UsageError(
                "A sync was begun and is not finished; what it sends may be about this person.",
                fix="Run 'madang sync' first.",
            )
        one = find(warehouse, who)
        if one.quarantine:
            raise UsageError(
                f"This is in quarantine ({one.quarantine}) and names nobody.",
                fix="Give another identifier of the person.",
            )
        near = around(warehouse, [one], [])
        known = known_by(warehouse, one, near)
        before = erase_tables.count(warehouse, known)
    _show(known, before)
    if dry:
        ui.line("Nothing was changed (--dry-run).")
        return None
    now = datetime.now(UTC)
    path = folder / f"{new_id(now)}.pending"
    certificate = {
        "erasure_id": path.stem,
        "asked_for": asked,
        "person": hashlib.sha256(known.person_id.encode()).hexdigest(),
        "reason": reason.strip(),
        "author": (author or getpass.getuser()).strip(),
        "begun_at": now.isoformat(timespec="seconds"),
        "status": "begun",
        "rows_before": before,
    }
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(path, certificate)
    keep(known, path)
    return path


def _finish(settings: Settings, path: Path) -> int:
    known, certificate = kept(path), _certificate(path)
    with open_warehouse(settings) as warehouse:
        certificate["tombstones"] = erase_tables.bury(
            warehouse, path.stem, known, certificate["begun_at"]
        )
        days = erase_tables.read_days_again(warehouse, known)
        certificate["days_read_again"] = max(days, certificate.get("days_read_again", 0))
        erase_tables.forget_logs(warehouse, known)
    _forget_plans(settings)
    certificate["decisions_removed"] = _forget_decisions(settings, known) or certificate.get(
        "decisions_removed", 0
    )
    certificate["destinations"] = _delete_at_destinations(settings, known)
    _write(path, certificate)
    if build(settings) == WRONG:
        raise ErasureError(
            "The rules have problems, so nothing was built.",
            where=str(settings.root),
            fix="Mend what is listed above, then run 'madang erase' again; it goes on from here.",
        )
    with open_warehouse(settings) as warehouse:
        erase_tables.forget_logs(warehouse, known)
        left = erase_tables.count(warehouse, known)
    certificate["rows_left"] = left
    _write(path, certificate)
    if left:
        raise ErasureError(
            f"Rows of the person are left in {', '.join(sorted(left))}.",
            where=str(path.with_suffix(".json")),
            fix="A table of your own is not made from the landed ones: delete there, run again.",
        )
    waiting = [
        name for name, told in certificate["destinations"].items() if told["status"] == "waiting"
    ]
    certificate["status"] = "waiting for destinations" if waiting else "done"
    certificate["finished_at"] = datetime.now(UTC).isoformat(timespec="seconds")
    _write(path, certificate)
    if waiting:
        ui.line(f"Not yet deleted at {', '.join(waiting)}; run 'madang erase' again.", "yellow")
        return PARTIAL
    path.unlink()
    ui.line(f"Erased. Certificate: {path.with_suffix('.json')}")
    ui.line(
        "Uploaded files that hold the person are yours to delete; loading them changes nothing."
    )
    return 0


def _delete_at_destinations(settings: Settings, known: Known) -> dict[str, Any]:
    """Ask every destination to delete; one that cannot be reached waits for the next run."""
    told: dict[str, Any] = {}
    for name in settings.destinations:
        try:
            destination = open_by_name(name, settings)
            try:
                status = destination.delete(known.numbers) if known.numbers else None
            finally:
                destination.close()
            told[name] = {"status": "deleted", "keys": len(known.numbers), "http_status": status}
        except MadangError as error:
            ui.line(f"{name}: {error.message}", "yellow")
            told[name] = {"status": "waiting", "keys": len(known.numbers)}
    return told


def _forget_plans(settings: Settings) -> None:
    """Planned rows hold values; 'madang plan' makes them anew."""
    for rows in settings.paths.plans.glob("*/*.parquet"):
        rows.unlink(missing_ok=True)


def _forget_decisions(settings: Settings, known: Known) -> int:
    """Take decisions about the person's identifiers out of the file; return how many."""
    mine = set(known.by_column()["identifier_value"])
    decided = read(settings)
    left = [one for one in decided if not {one.left_value, one.right_value} & mine]
    if len(left) < len(decided):
        write(settings, left)
    return len(decided) - len(left)


def _show(known: Known, before: dict[str, int]) -> None:
    ui.line(
        f"{len(known.numbers)} customer numbers and user ids, {len(known.emails)} e-mail addresses,"
        f" {len(known.phones)} telephones, {len(known.devices)} devices of this person alone."
    )
    for table, rows in before.items():
        ui.line(f"  {table}: {rows:,} rows")


def _certificate(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def _write(path: Path, certificate: dict[str, Any]) -> None:
    target = path.with_suffix(".json")
    part = target.with_suffix(".json.part")
    part.write_text(json.dumps(certificate, indent=2) + "\n", encoding="utf-8")
    part.replace(target)
