"""Removes a person everywhere, for good, and writes a certificate of what was removed where.

The steps, each of which may be repeated: what the person is known by is kept in a file that only
the owner can read; hashes of it go into the warehouse, so that nothing that is loaded later brings
the person back; logs and files are cleared; deletions are queued for the destinations; everything
is built without the person; every table is counted again; the files of the databases are made anew,
for freed space keeps what was deleted; the file is deleted. A run that dies is taken up by the next
one with the same PERSON, or without one.
"""

import getpass
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from madang import ui
from madang.audiences.look import require
from madang.build.build import PARTIAL, WRONG, build
from madang.build.unchanged import forget
from madang.erase import files as erase_files
from madang.erase import space as erase_space
from madang.erase import tables as erase_tables
from madang.erase.certificate import Certificate
from madang.erase.columns import read_columns
from madang.erase.lists import keeping, memberships, note_keys
from madang.erase.records import Found, follow
from madang.erase.values import Known, keep, kept, known_by
from madang.errors import MadangError, UsageError
from madang.ingest.calls.drain import drain
from madang.ingest.sources import read_sources
from madang.people import decisions, what_if
from madang.people.identifiers import TABLES, around, find
from madang.personal import looks_personal
from madang.settings.workspace import Settings
from madang.sync import deletions
from madang.sync.clock import new_id
from madang.sync.destinations.registry import can_delete, forgets
from madang.sync.engine import open_plans
from madang.sync.pending import was_begun
from madang.sync.plan import read_plan
from madang.warehouse import Warehouse, open_warehouse

FOLDER = "erasures"
#: What a destination keeps that nothing takes away there (`keeping`), for whoever deletes by hand.
KEPT = {
    "conversions": "those that it was told",
    "records": "only the fields that were sent are emptied",
}


class ErasureError(MadangError):
    """An erasure could not be finished."""


def erase(
    settings: Settings,
    who: str | None,
    reason: str,
    author: str | None,
    dry: bool = False,
    shared: bool = False,
) -> int:
    """Erase a person, or finish erasures that were begun. 0 when all is done, 3 when not yet.

    `shared`: addresses of theirs that are in quarantine count as theirs alone.

    Raises UsageError where nobody is known, ErasureError where rows of the person are left.
    """
    folder = settings.root / FOLDER
    begun = sorted(folder.glob("*.pending"))
    if who is not None:
        path = _begin(settings, folder, who, reason, author, dry, shared)
        if path is None:
            return 0
        begun = [path]
    if not begun:
        raise UsageError("No erasure is waiting to be finished.", fix="Say who is to be erased.")
    return max(_finish(settings, path) for path in begun)


def _begin(
    settings: Settings,
    folder: Path,
    who: str,
    reason: str,
    author: str | None,
    dry: bool,
    shared: bool,
) -> Path | None:
    """Write down who is to be erased, once; None for a dry run."""
    if not reason.strip() or looks_personal(reason):
        raise UsageError(
            "The reason is empty, or holds an e-mail address or a telephone number.",
            fix="Say why in words, such as the number of the request.",
        )
    asked = hashlib.sha256(who.strip().encode()).hexdigest()
    for path in folder.glob("*.pending"):
        if kept(path).asked_for == asked:
            return path
    columns = read_columns(settings.project_dir)
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
        near = around(warehouse, [one])
        known = known_by(warehouse, one, near)
        known.asked_for, known.takes_shared = asked, shared
        found, before = _count(settings, warehouse, known)
        days = erase_tables.days_of(warehouse, columns, known)
    inputs = erase_files.input_files(settings, erase_files.Traces(known), found.files, days)
    _show(settings, known, before, inputs)
    if dry:
        ui.line("Nothing was changed (--dry-run).")
        return None
    now = datetime.now(UTC)
    path = folder / f"{new_id(now)}.pending"
    certificate = Certificate(path.with_suffix(".json"))
    certificate.set(
        erasure_id=path.stem,
        person=hashlib.sha256(known.person_id.encode()).hexdigest(),
        reason=reason.strip(),
        author=(author or getpass.getuser()).strip(),
        begun_at=now.isoformat(timespec="seconds"),
        status="begun",
        rows_before=before,
    )
    keep(known, path)
    return path


def _finish(settings: Settings, path: Path) -> int:
    known, certificate = kept(path), Certificate(path.with_suffix(".json"))
    if not certificate.get("is_removed"):
        _remove(settings, path, known, certificate)
    return _settle(settings, path, certificate)


def _remove(settings: Settings, path: Path, known: Known, certificate: Certificate) -> None:
    """Everything but the answers of destinations."""
    columns = read_columns(settings.project_dir)
    with open_warehouse(settings) as warehouse:
        forget(warehouse)  # of the last build: the next one, also after a kill, builds everything
        what_if.drop(warehouse)  # what a killed 'unmerge' may have left
        for one in drain(settings, warehouse, read_sources(settings.project_dir)):
            if one.status == "refused":  # what waits may be about the person
                where = str(settings.paths.received)
                raise MadangError(one.skipped_reason or "", where=where, fix=one.fix)
        found = follow(warehouse, settings.project_dir, known)
        note_keys(settings, warehouse, known)
        for name, listed in memberships(settings, warehouse, known).items():
            known.listed[name] = sorted({*known.listed.get(name, []), *listed})
        keep(known, path)  # what came since, before anything is gone
        days = erase_tables.days_of(warehouse, columns, known)
        certificate.add("days_read_again", days)
        traces = erase_files.Traces(known)
        inputs = erase_files.input_files(settings, traces, found.files, days)
        certificate.add("your_files", inputs)
        certificate.set(
            tombstones=erase_tables.bury(warehouse, path.stem, known, certificate.get("begun_at"))
        )
        erase_tables.read_days_again(warehouse, path.stem, days)
        erase_tables.delete_exported(warehouse, columns, known)
        erase_tables.forget_logs(warehouse, columns, known)
    _queue(settings, path.stem, known, settings.destinations)
    certificate.count("decisions_removed", _forget_decisions(settings, known))
    _send(settings)
    if build(settings) == WRONG:
        raise ErasureError(
            "The rules have problems, so nothing was built.",
            where=str(settings.root),
            fix="Mend what is listed above, then run 'madang erase' again; it goes on from here.",
        )
    with open_warehouse(settings) as warehouse:
        erase_tables.forget_logs(warehouse, columns, known)
        forget(warehouse)
        _, left = _count(settings, warehouse, known)
    certificate.set(rows_left=left)
    if left:
        raise ErasureError(
            f"Rows of the person are left in {', '.join(sorted(left))}.",
            where=str(certificate.path),
            fix="A table of your own is not made from the landed ones: delete there, run again.",
        )
    erase_files.forget_files(settings, traces, certificate.get("your_files"), certificate.cleared)
    certificate.count("calls_cleared", erase_files.forget_calls(settings, traces))
    erase_space.rewrite_journal(settings)
    certificate.set(shared_addresses_left=len(known.shared))
    certificate.set(freed_space=erase_space.rewrite_warehouse(settings), is_removed=True)


def _settle(settings: Settings, path: Path, certificate: Certificate) -> int:
    """Ask destinations that were not reached; end the erasure when none waits."""
    told = certificate.get("destinations") or {}
    is_done = {name for name, one in told.items() if one["status"] == "deleted"}
    asked = [name for name in settings.destinations if name not in is_done]
    _queue(settings, path.stem, kept(path), asked)  # the journal may be a new one
    problems = _send(settings)
    for name, one in deletions.done(settings, path.stem).items():
        told[name] = {"status": "deleted", "keys": one.keys, "http_status": one.http_status}
    left = {
        one.destination: one.keys
        for one in deletions.waiting(settings)
        if one.erasure_id == path.stem
    }
    for name, keys in left.items():
        told[name] = {"status": "waiting", "keys": keys}
    keeps = keeping(settings)
    for name in settings.destinations:
        status = "knows nobody" if forgets(name) else "cannot delete"
        told.setdefault(name, {"status": status, "keys": 0})
        told[name].update(dict.fromkeys(keeps.get(name, ()), "cannot delete"))
    certificate.set(
        destinations=told,
        status="waiting for destinations" if left else "done",
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if left:
        for name, problem in problems.items():
            ui.line(f"{name}: {problem}", "yellow")
        ui.line(
            f"Not yet deleted at {', '.join(left)}; 'madang erase' and 'madang sync --apply' ask "
            "again.",
            "yellow",
        )
        return PARTIAL
    path.unlink()
    ui.line(f"Erased. Certificate: {certificate.path}")
    for name in settings.destinations:
        if not forgets(name):
            ui.line(f"  yours to delete, {name} takes no deletions: what was sent there")
        for what in sorted(keeps.get(name, ())) if forgets(name) else ():
            ui.line(f"  yours to delete, {name} keeps {what}: {KEPT[what]}")
    for name in certificate.get("your_files"):
        ui.line(f"  yours to delete, it still holds the person: {name}")
    return 0


def settle_all(settings: Settings) -> int:
    """Ask destinations for what erasures still wait for; 0 when nothing waits any more, else 3.

    For `madang sync --apply`, which is not to build anything.
    """
    codes = [0]
    for path in sorted((settings.root / FOLDER).glob("*.pending")):
        certificate = Certificate(path.with_suffix(".json"))
        if certificate.get("is_removed"):
            codes.append(_settle(settings, path, certificate))
    return max(codes)


def _queue(settings: Settings, erasure_id: str, known: Known, names: Iterable[str]) -> None:
    """Note what each destination is to forget: a person of its own, or who is on its lists."""
    for name in names:
        own = [*known.numbers, *known.sent.get(name, [])]
        keys = own if can_delete(name) else known.listed.get(name, [])
        if forgets(name):
            deletions.queue(settings, erasure_id, [name], keys)


def _send(settings: Settings) -> dict[str, str]:
    """Send the deletions that wait; return what went wrong, by destination."""
    return {one.destination: one.problem for one in deletions.send(settings) if one.problem}


def _count(settings: Settings, warehouse: Warehouse, known: Known) -> tuple[Found, dict[str, int]]:
    found = follow(warehouse, settings.project_dir, known)
    note_keys(settings, warehouse, known)
    columns = read_columns(settings.project_dir)
    return found, erase_tables.count(warehouse, columns, known, found.rows)


def _forget_decisions(settings: Settings, known: Known) -> int:
    """Take decisions about the person's identifiers out of the file; return how many."""
    return decisions.forget(settings, set(known.by_kind()["identifier"]))


def _show(settings: Settings, known: Known, before: dict[str, int], inputs: list[str]) -> None:
    records = sum(map(len, known.records.values()))
    ui.line(
        f"{len(known.numbers)} customer numbers and user ids, {len(known.emails)} e-mail addresses,"
        f" {len(known.phones)} telephones, {len(known.devices)} devices of this person alone,"
        f" {records} records."
    )
    if known.shared:
        ui.line(
            f"{len(known.shared)} addresses of theirs are in quarantine, for others have them too: "
            "rows that have nothing else stay. With --shared they go.",
            "yellow",
        )
    for table, rows in before.items():
        ui.line(f"  {table}: {rows:,} rows")
    for name in filter(can_delete, settings.destinations):
        ui.line(f"  {name}: {len(known.numbers) + len(known.sent.get(name, ()))} keys to delete")
    for name in settings.destinations:
        if forgets(name) and not can_delete(name):
            ui.line(f"  {name}: to be taken off every list and out of every field that was sent")
    for name in inputs:
        ui.line(f"  yours to delete, it holds the person: {name}")
