"""Loads one file of a table: read, check, hold or land, and say what became of it."""

import json
import shlex
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from madang import scratch
from madang.ingest.checks import reused as reused_ids
from madang.ingest.checks.checking import Checked, check_binary, check_file
from madang.ingest.checks.repeated import repeated_keys
from madang.ingest.checks.rows import PeekedSheet, Reject, SheetResult
from madang.ingest.checks.snapshots import Gone, find_gone, last_snapshot
from madang.ingest.checks.words import unknown_words
from madang.ingest.errors import FileRefused
from madang.ingest.files import name_in
from madang.ingest.header import Header
from madang.ingest.landing import holds
from madang.ingest.landing.holds import Acceptance, Hold, record_hold
from madang.ingest.landing.land import LedgerRow, Spool, files_in, record
from madang.ingest.landing.ledger_clock import LedgerClock
from madang.ingest.landing.rejects import Rejects
from madang.ingest.landing.seen import Stamp, digest_of, seen_files, stamp_of
from madang.ingest.readers.apart import Reader
from madang.ingest.readers.fast_csv import check_fast
from madang.ingest.readers.sheets import is_binary
from madang.ingest.report import FileReport, ProblemCounts
from madang.ingest.tables import SourceTable
from madang.names import file_stem
from madang.settings.workspace import Settings
from madang.times import told
from madang.warehouse import Warehouse


@dataclass
class Loading:
    """What the files of one load share: where to, since when, and what the warehouse holds.

    `reader` is the process that reads what is binary; it begins with the first such file.
    A file of fewer rows than `hold_from_rows` is never held, however many of them are rejected.
    """

    settings: Settings
    warehouse: Warehouse
    load_id: str
    problems: ProblemCounts
    reader: Reader = field(default_factory=Reader)
    acceptance: Acceptance | None = None
    hold_from_rows: int = 0
    newly_seen: dict[Stamp, str] = field(default_factory=dict)
    clock: LedgerClock = field(init=False)
    _seen: dict[Stamp, str] | None = None
    #: Files that landed in a load that was cut off before the ledger knew, by SHA-256.
    cut_off: dict[str, LedgerRow] = field(default_factory=dict)
    _landed: dict[str, dict[str, LedgerRow]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = LedgerClock(self.warehouse)

    def landed(self, table: SourceTable) -> dict[str, LedgerRow]:
        """The files whose rows a table's raw table holds, by SHA-256."""
        if table.identifier not in self._landed:
            self._landed[table.identifier], cut_off = files_in(self.warehouse, table)
            self.cut_off |= cut_off
        return self._landed[table.identifier]

    def settle(self) -> None:
        """Enter the files in the ledger that did not come again; how many rows were rejected is
        not known.
        """
        record(self.warehouse, list(self.cut_off.values()))
        self.cut_off.clear()

    def known_content(self, stamp: Stamp) -> str | None:
        """The SHA-256 of a file that was read before and has not been touched since."""
        if self._seen is None:
            self._seen = seen_files(self.warehouse)
        return self._seen.get(stamp)


def load_file(loading: Loading, path: Path, table: SourceTable) -> FileReport:
    """Load one file into its raw table. Raises FileRefused when it cannot be used as a whole.

    Nothing of a file lands unless all of it was checked, and unless it stood still meanwhile.
    """
    name = name_in(loading.settings.paths.inbox, path)
    stamp = stamp_of(path, name)
    landed = loading.landed(table)
    if before := landed.get(loading.known_content(stamp) or ""):
        return _already_loaded(loading, path, table, before)
    sha256 = digest_of(path)
    if (before := landed.get(sha256)) and sha256 not in loading.cut_off:
        if stamp.is_settled:
            loading.newly_seen[stamp] = sha256
        return _already_loaded(loading, path, table, before)
    with (
        scratch.folder(loading.settings.paths.scratch) as folder,
        Spool(table, folder) as spool,
        Rejects(folder, name) as rejects,
    ):
        report = _read(loading, path, table, stamp, sha256, spool, rejects)
        if report.status == "loaded" and stamp.is_settled:
            loading.newly_seen[stamp] = sha256
    return report


def _read(
    loading: Loading,
    path: Path,
    table: SourceTable,
    stamp: Stamp,
    sha256: str,
    spool: Spool,
    rejects: Rejects,
) -> FileReport:
    """Check all rows, then decide: refuse, hold or land."""
    name = stamp.file
    checked = _checked(loading, path, table, name, spool, rejects)
    results, notes = checked.results, checked.notes
    rows = sum(result.rows for result in results)
    rejected = sum(result.rejected for result in results)
    if not rows and table.mode == "snapshot":
        raise FileRefused(
            "The file has a header but no rows; as a snapshot it would mean that nobody is left.",
            fix="Export it again, or remove the file.",
        )
    loaded_at = loading.clock.now()
    parquet = spool.to_parquet(name, sha256, loaded_at)
    if stamp_of(path, name) != stamp:
        return _changing(path, table)
    if before := loading.cut_off.pop(sha256, None):
        return _healed(loading, path, table, before, checked, rejects)
    loading.problems.take(checked.problems)
    if table.mode == "snapshot":
        notes += repeated_keys(table, parquet, _beside(loading, name, "repeated"))
    if not rows:
        notes.append("The file has a header but no rows.")
    gone = _gone(loading, table, parquet, name)
    if gone and gone.count:
        notes.append(
            f"{gone.count:,} of the {gone.before.keys:,} rows of the last snapshot "
            f"({gone.before.file}) are gone: see {gone.file}."
        )
    report = FileReport(
        path,
        table.label,
        "loaded",
        sheet=", ".join(result.name for result in results if result.name) or None,
        rows=rows,
        loaded=rows - rejected,
        rejected=rejected,
        rejects_file=rejects.keep(loading.settings.paths.rejects, loading.load_id),
        gone=gone.count if gone else 0,
        gone_file=gone.file if gone else None,
        notes=tuple(notes),
        ignored=tuple(dict.fromkeys(name for result in results for name in result.ignored)),
    )
    if why := _why_held(loading, table, report, gone):
        accepted = loading.acceptance if report.loaded else None
        _record_hold(loading, name, sha256, report, why, accepted)
        if not accepted:
            return _held(report, why, name)
        report = replace(report, notes=(*notes, f"Loaded although: {why} ({accepted.reason})"))
    if report.loaded:
        loading.warehouse.append("raw", table.identifier, parquet, once=("_sha256", sha256))
        kept = report.rejects_file
        entries = _ledger_rows(table, name, sha256, checked, kept, loaded_at)
        record(loading.warehouse, entries)
        if table.key_means and (reused := reused_ids.reused_keys(loading.warehouse, table, sha256)):
            report = replace(report, notes=(*report.notes, reused_ids.told(table, reused)))
        words = unknown_words(loading.warehouse, table, sha256, loading.settings.project_dir)
        report = replace(report, notes=(*report.notes, *words))
        loading.landed(table)[sha256] = entries[0]
    return report


def _healed(
    loading: Loading,
    path: Path,
    table: SourceTable,
    before: LedgerRow,
    checked: Checked,
    rejects: Rejects,
) -> FileReport:
    """Enter a file in the ledger that landed in a load which was cut off right then."""
    kept = rejects.keep(loading.settings.paths.rejects, loading.load_id)
    entries = _ledger_rows(table, before.file, before.sha256, checked, kept, before.loaded_at)
    record(loading.warehouse, entries)
    loading.landed(table)[before.sha256] = entries[0]
    return _already_loaded(loading, path, table, entries[0])


def _checked(
    loading: Loading, path: Path, table: SourceTable, name: str, spool: Spool, rejects: Rejects
) -> Checked:
    """Check the rows of the file: good ones into the spool, bad ones to the rejects."""
    zone = ZoneInfo(loading.settings.timezone)
    if is_binary(path.name):
        call = loading.reader.call
        checked = call(check_binary, path, table, zone, spool.folder, name)
    else:

        def fast(peeked: PeekedSheet, header: Header, reject: Reject) -> SheetResult | None:
            return check_fast(peeked, header, table, zone, spool, reject)

        add = spool.lines.add
        checked = check_file(path, table, zone, spool.folder, add, rejects, fast)
    return checked


def _gone(loading: Loading, table: SourceTable, parquet: Path, name: str) -> Gone | None:
    before = last_snapshot(loading.warehouse, table)
    if before is None:
        return None
    path = _beside(loading, name, "gone")
    return find_gone(loading.warehouse, table, before, parquet, path.parent, path.stem)


def _beside(loading: Loading, name: str, what: str) -> Path:
    """Where a list about a file goes: beside the rejects."""
    stem = file_stem(name, f"__{loading.load_id}__{what}")
    return loading.settings.paths.rejects / f"{stem}.csv"


def _why_held(
    loading: Loading, table: SourceTable, report: FileReport, gone: Gone | None
) -> str | None:
    if report.rows < loading.hold_from_rows:
        return None
    shared = loading.settings.load
    rejects, shrink = holds.limits(table, shared.max_reject_share, shared.max_shrink_share)
    reasons = [holds.too_many_rejected(report.rows, report.rejected, rejects)]
    if gone:
        reasons.append(holds.too_many_gone(gone.before.keys, gone.count, shrink))
    return " ".join(reason for reason in reasons if reason) or None


def _held(report: FileReport, why: str, name: str) -> FileReport:
    listed = [path.name for path in (report.rejects_file, report.gone_file) if path]
    fix = f"Look at {' and '.join(listed)}, correct the file and put it back"
    if report.loaded:
        path = shlex.quote(str(report.path))
        fix += f'; or take it as it is: madang load {path} --accept "why"'
    return replace(
        report,
        status="held",
        loaded=0,
        skipped_reason=f"{why} Nothing of the file was loaded.",
        fix=f"{fix}.",
    )


def _record_hold(
    loading: Loading,
    name: str,
    sha256: str,
    report: FileReport,
    why: str,
    accepted: Acceptance | None,
) -> None:
    hold = Hold(
        source=report.source or "",
        file=name,
        sha256=sha256,
        event="accepted" if accepted else "held",
        why=f"{accepted.reason} ({why})" if accepted else why,
        author=accepted.author if accepted else None,
        rows=report.rows,
        rejected=report.rejected,
        gone=report.gone,
        happened_at=loading.clock.now(),
    )
    record_hold(loading.warehouse, hold)


def _changing(path: Path, table: SourceTable) -> FileReport:
    return FileReport(
        path,
        table.label,
        "changing",
        skipped_reason="The file was written to while it was read; nothing of it was loaded.",
        fix="The next load takes it, once it stands still.",
    )


def _already_loaded(
    loading: Loading, path: Path, table: SourceTable, before: LedgerRow
) -> FileReport:
    then = told(before.loaded_at, loading.settings.timezone)
    reason = f"already loaded on {then} as {before.file}"
    if before.rejected:
        reason += f"; {before.rejected:,} rows were rejected then"
        reason += f" ({before.rejects_file})" if before.rejects_file else ""
    return FileReport(path, table.label, "already loaded", skipped_reason=reason)


def _ledger_rows(
    table: SourceTable,
    name: str,
    sha256: str,
    checked: Checked,
    rejects: Path | None,
    loaded_at: datetime,
) -> list[LedgerRow]:
    return [
        LedgerRow(
            source=table.label,
            file=name,
            sha256=sha256,
            sheet=result.name,
            rows=result.rows,
            loaded=result.loaded,
            rejected=result.rejected,
            rejects_file=rejects.name if rejects else None,
            loaded_at=loaded_at,
            ignored_columns=json.dumps(result.ignored, ensure_ascii=False)
            if result.ignored
            else None,
        )
        for result in checked.results
    ]
