"""Loads one file of a table: read, check, hold or land, and say what became of it."""

import hashlib
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from madang.config import Settings
from madang.ingest import holds
from madang.ingest.choosing import choose_sheets, no_such_sheet
from madang.ingest.errors import FileRefused
from madang.ingest.fast_csv import check_fast
from madang.ingest.files import name_in
from madang.ingest.header import header_key, known_headers
from madang.ingest.holds import Acceptance, Hold, record_hold
from madang.ingest.landing import LedgerRow, Spool, files_in, record
from madang.ingest.readers import open_sheets
from madang.ingest.rejects import Rejects
from madang.ingest.report import FileReport
from madang.ingest.rows import Rejection, SheetResult, check_rows, peek
from madang.ingest.seen import Stamp, seen_files, stamp_of
from madang.ingest.snapshots import Gone, find_gone, last_snapshot
from madang.ingest.sources import SourceTable
from madang.times import told
from madang.warehouse import Warehouse


@dataclass
class Loading:
    """What the files of one load share: where to, since when, and what the warehouse holds.

    A file of fewer rows than `hold_from_rows` is never held, however many of them are rejected.
    """

    settings: Settings
    warehouse: Warehouse
    load_id: str
    on_rejections: Callable[[SourceTable, list[Rejection]], None]
    acceptance: Acceptance | None = None
    hold_from_rows: int = 0
    newly_seen: dict[Stamp, str] = field(default_factory=dict)
    _seen: dict[Stamp, str] | None = None
    _landed: dict[str, dict[str, LedgerRow]] = field(default_factory=dict)

    def landed(self, table: SourceTable) -> dict[str, LedgerRow]:
        """The files whose rows a table's raw table holds, by SHA-256."""
        if table.identifier not in self._landed:
            self._landed[table.identifier] = files_in(self.warehouse, table)
        return self._landed[table.identifier]

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
    stamp = _stamp(path, name)
    landed = loading.landed(table)
    if before := landed.get(loading.known_content(stamp) or ""):
        return _already_loaded(loading, path, table, before)
    sha256 = _digest(path)
    if before := landed.get(sha256):
        if stamp.is_settled:
            loading.newly_seen[stamp] = sha256
        return _already_loaded(loading, path, table, before)
    with Spool(table) as spool, Rejects(spool.folder, name) as rejects:
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
    results, notes = _checked(loading, path, table, spool, rejects)
    rows = sum(result.rows for result in results)
    rejected = sum(result.rejected for result in results)
    if not rows and table.mode == "snapshot":
        raise FileRefused(
            "The file has a header but no rows; as a snapshot it would mean that nobody is left.",
            fix="Export it again, or remove the file.",
        )
    loaded_at = datetime.now(UTC)
    parquet = spool.to_parquet(name, sha256, loaded_at)
    if _stamp(path, name) != stamp:
        return _changing(path, table)
    if table.mode == "snapshot" and (repeated := spool.repeated(parquet)):
        notes.append(
            f"{repeated:,} rows repeat the key ({', '.join(table.key)}) of another row; the last "
            "one counts."
        )
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
    )
    if why := _why_held(loading, table, report, gone):
        accepted = loading.acceptance if report.loaded else None
        _record_hold(loading, name, sha256, report, why, accepted)
        if not accepted:
            return _held(report, why, name)
        report = replace(report, notes=(*notes, f"Loaded although: {why} ({accepted.reason})"))
    if report.loaded:
        loading.warehouse.append("raw", table.identifier, parquet, once=("_sha256", sha256))
        entries = _ledger_rows(report, table, name, sha256, results, loaded_at)
        record(loading.warehouse, entries)
        loading.landed(table)[sha256] = entries[0]
    return report


def _checked(
    loading: Loading, path: Path, table: SourceTable, spool: Spool, rejects: Rejects
) -> tuple[list[SheetResult], list[str]]:
    """Check the rows of every sheet that is meant: good ones into the spool, bad to the rejects."""
    is_header = known_headers(table.columns).__contains__
    sheets = open_sheets(path, lambda text: is_header(header_key(text)), spool.folder)
    wanted = [sheet for sheet in sheets if table.reads_sheet(sheet.name)]
    if not wanted:
        raise no_such_sheet([sheet.name for sheet in sheets], table)
    usable, notes = choose_sheets([peek(sheet, table) for sheet in wanted], table)

    def reject(rejections: list[Rejection]) -> None:
        rejects.add(rejections)
        loading.on_rejections(table, rejections)

    zone = ZoneInfo(loading.settings.timezone)
    results = [
        check_fast(peeked, header, table, zone, spool, reject)
        or check_rows(peeked, header, table, zone, spool.add, reject)
        for peeked, header in usable
    ]
    return results, [*notes, *(note for result in results for note in result.notes)]


def _gone(loading: Loading, table: SourceTable, parquet: Path, name: str) -> Gone | None:
    before = last_snapshot(loading.warehouse, table)
    if before is None:
        return None
    stem = f"{Path(name).name.partition('.')[0]}__{loading.load_id}__gone"
    folder = loading.settings.paths.rejects
    return find_gone(loading.warehouse, table, before, parquet, folder, stem)


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
        happened_at=datetime.now(UTC),
    )
    record_hold(loading.warehouse, hold)


def _stamp(path: Path, name: str) -> Stamp:
    try:
        return stamp_of(path, name)
    except OSError as error:
        raise _unopened(error) from error


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unopened(error) from error


def _unopened(error: OSError) -> FileRefused:
    return FileRefused(
        f"The file cannot be opened: {error.strerror}.",
        fix="Close it in other programs and check its permissions.",
    )


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
    report: FileReport,
    table: SourceTable,
    name: str,
    sha256: str,
    results: list[SheetResult],
    loaded_at: datetime,
) -> list[LedgerRow]:
    rejects = report.rejects_file.name if report.rejects_file else None
    return [
        LedgerRow(
            source=table.label,
            file=name,
            sha256=sha256,
            sheet=result.name,
            rows=result.rows,
            loaded=result.loaded,
            rejected=result.rejected,
            rejects_file=rejects,
            loaded_at=loaded_at,
        )
        for result in results
    ]
