"""Loads files into the raw layer: find, match, read, check, land, report; one file at a time."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from madang.config import Settings
from madang.ingest.currents import FORMAT, load_currents
from madang.ingest.errors import FileRefused, LoadError
from madang.ingest.files import find_files, name_in, source_of
from madang.ingest.header import (
    Header,
    header_key,
    known_headers,
    missing_headers,
    national_id_label,
    no_header,
)
from madang.ingest.inbox import drain
from madang.ingest.landing import LedgerRow, Spool, files_in, record
from madang.ingest.readers import open_sheets
from madang.ingest.rejects import write_rejects
from madang.ingest.report import FileReport, LoadReport, ProblemGroup
from madang.ingest.rows import (
    PeekedSheet,
    Rejection,
    SheetResult,
    check_rows,
    national_id_refusal,
    peek,
)
from madang.ingest.sources import SourceTable, read_sources
from madang.warehouse import Warehouse


def load(
    settings: Settings,
    warehouse: Warehouse,
    paths: Sequence[Path] | None = None,
    on_step: Callable[[str], object] | None = None,
) -> LoadReport:
    """Load the inbox, or the given files and folders, and say what became of every file.

    With the inbox, what the receiver took is drained too.
    Files go in the order of their names, so the last name is the newest snapshot. `on_step` is
    called with each file's name before it is read. A file that cannot be used does not stop the
    others. Raises LoadError when there is nothing to load, SpecError for a wrong source YAML,
    WarehouseError when rows cannot be written.
    """
    tables = read_sources(settings.project_dir)
    if not tables:
        raise LoadError(
            "No source says how files are loaded.",
            where=str(settings.project_dir / "models" / "staging"),
            fix="Declare 'config.meta.load' at a table in a _<source>__sources.yml there.",
        )
    received = [] if paths else drain(settings, warehouse, tables, on_step)
    try:
        files = find_files(settings.paths.inbox, paths)
    except LoadError:
        if not received:
            raise
        files = []
    load_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    run = _Load(settings, warehouse, tables, load_id)
    run.files += received
    for path in files:
        if on_step:
            on_step(name_in(settings.paths.inbox, path))
        run.take(path)
    run.take_currents(on_step)
    return LoadReport(load_id, run.files, run.problem_groups())


class _Load:
    """The state of one load: what the warehouse holds already, and what was found so far."""

    def __init__(
        self, settings: Settings, warehouse: Warehouse, tables: list[SourceTable], load_id: str
    ) -> None:
        self.settings = settings
        self.warehouse = warehouse
        self.tables = tables
        self.load_id = load_id
        self.zone = ZoneInfo(settings.timezone)
        self.files: list[FileReport] = []
        self.currents: dict[str, list[Path]] = {}
        self.held: dict[str, dict[str, LedgerRow]] = {}
        self.groups: dict[tuple[str, str, str], ProblemGroup] = {}

    def take(self, path: Path) -> None:
        """Load one file, or say why not."""
        try:
            table = source_of(path, self.settings.paths.inbox, self.tables)
        except FileRefused as refusal:
            report = FileReport(path, None, "unmatched")
            self.files.append(replace(report, skipped_reason=refusal.message, fix=refusal.fix))
            return
        if table.format == FORMAT:
            self.currents.setdefault(table.label, []).append(path)
            return
        try:
            self.files.append(self._load_file(path, table))
        except FileRefused as refusal:
            report = FileReport(path, table.label, "refused")
            self.files.append(replace(report, skipped_reason=refusal.message, fix=refusal.fix))

    def take_currents(self, on_step: Callable[[str], object] | None) -> None:
        """Load the files of Braze Currents, which land together."""
        for table in self.tables:
            if paths := self.currents.get(table.label):
                self.files += load_currents(
                    self.settings, self.warehouse, table, paths, self.load_id, on_step
                )

    def _load_file(self, path: Path, table: SourceTable) -> FileReport:
        data = _bytes_of(path)
        sha256 = hashlib.sha256(data).hexdigest()
        known = self._files_in(table)
        if before := known.get(sha256):
            return _already_loaded(path, table, before)
        name = name_in(self.settings.paths.inbox, path)
        is_header = known_headers(table.columns).__contains__
        sheets = open_sheets(path.name, data, lambda text: is_header(header_key(text)))
        wanted = [sheet for sheet in sheets if table.reads_sheet(sheet.name)]
        if not wanted:
            raise no_such_sheet([sheet.name for sheet in sheets], table)
        usable, notes = choose_sheets([peek(sheet, table) for sheet in wanted], table)
        with Spool(table) as spool:
            results = [
                check_rows(peeked, header, table, self.zone, spool.add) for peeked, header in usable
            ]
            if table.mode == "snapshot" and spool.repeated:
                notes.append(
                    f"{spool.repeated:,} rows repeat the key ({', '.join(table.key)}) of another "
                    "row; the last one counts."
                )
            report = self._summed(path, table, name, results, notes)
            if report.status == "loaded" and report.loaded:
                loaded_at = datetime.now(UTC)
                parquet = spool.to_parquet(name, sha256, loaded_at)
                self.warehouse.append("raw", table.identifier, parquet, once=("_sha256", sha256))
                entries = _ledger_rows(report, table, name, sha256, results, loaded_at)
                record(self.warehouse, entries)
                known[sha256] = entries[0]
        return report

    def _files_in(self, table: SourceTable) -> dict[str, LedgerRow]:
        if table.identifier not in self.held:
            self.held[table.identifier] = files_in(self.warehouse, table)
        return self.held[table.identifier]

    def _summed(
        self,
        path: Path,
        table: SourceTable,
        name: str,
        results: list[SheetResult],
        notes: list[str],
    ) -> FileReport:
        """Add up the sheets, write the rejects and decide whether the file may land."""
        rows = sum(result.rows for result in results)
        rejections = [rejection for result in results for rejection in result.rejections]
        rejected = sum(result.rejected for result in results)
        if not rows and table.mode == "snapshot":
            raise FileRefused(
                "The file has a header but no rows; as a snapshot it would mean that nobody is "
                "left.",
                fix="Export it again, or remove the file.",
            )
        rejects_file = None
        if rejections:
            rejects_file = write_rejects(
                self.settings.paths.rejects, name, self.load_id, rejections
            )
            self._group(table, rejections)
        report = FileReport(
            path,
            table.label,
            "loaded",
            sheet=", ".join(result.name for result in results if result.name) or None,
            rows=rows,
            loaded=rows - rejected,
            rejected=rejected,
            rejects_file=rejects_file,
            notes=(*notes, *([] if rows else ["The file has a header but no rows."])),
        )
        limit = self.settings.load.max_reject_share
        if rejected and (rejected == rows or rejected / rows > limit):
            return replace(
                report,
                status="held",
                loaded=0,
                skipped_reason=f"{rejected:,} of {rows:,} rows ({rejected / rows:.0%}) cannot be "
                f"read; load.max_reject_share allows {limit:.0%}. Nothing of the file was loaded.",
                fix=f"Correct the rows listed in {rejects_file} and put the file back, or raise "
                "load.max_reject_share in madang.yml.",
            )
        return report

    def _group(self, table: SourceTable, rejections: list[Rejection]) -> None:
        seen = set()
        for rejection in rejections:
            problem = rejection.problem
            place = (rejection.sheet, rejection.row, rejection.column, problem.code)
            key = (table.label, rejection.column or "", problem.code)
            group = self.groups.get(key) or ProblemGroup(
                *key,
                problem.english,
                problem.korean,
                problem.fix_en,
                problem.fix_ko,
                rows=0,
            )
            self.groups[key] = replace(group, rows=group.rows + (place not in seen))
            seen.add(place)

    def problem_groups(self) -> list[ProblemGroup]:
        """The problems found, the most frequent first."""
        return sorted(self.groups.values(), key=lambda group: (-group.rows, group.source))


def choose_sheets(
    sheets: list[PeekedSheet], table: SourceTable
) -> tuple[list[tuple[PeekedSheet, Header]], list[str]]:
    """Return the sheets to load with their headers, and notes about those that are not.

    Raises FileRefused when no sheet can be used, when one that is clearly meant lacks a required
    column, or when a header announces national id numbers.
    """
    filled = [peeked for peeked in sheets if peeked.has_content]
    if not filled:
        raise FileRefused("The file is empty: no sheet holds a value.", fix="Export it again.")
    titled = [(peeked, peeked.header) for peeked in filled if peeked.header]
    if not titled:
        raise no_header(filled[0].head_cells, table)
    for _, header in titled:
        if label := national_id_label(header.labels):
            raise national_id_refusal(label)
    usable = [(peeked, header) for peeked, header in titled if not header.missing]
    meant = [
        header
        for _, header in titled
        if header.missing and (not usable or len(header.places) * 2 >= len(table.columns))
    ]
    if meant:
        raise missing_headers(max(meant, key=lambda header: len(header.places)), table)
    used = {id(peeked) for peeked, _ in usable}
    notes = [
        f"The sheet '{peeked.sheet.name}' is not a {table.label} table and was not read."
        for peeked in filled
        if id(peeked) not in used
    ]
    return usable, notes


def no_such_sheet(names: Sequence[str | None], table: SourceTable) -> FileRefused:
    """Say that none of the sheets that the mapping names is in the file."""
    return FileRefused(
        f"The file has no sheet {' or '.join(table.sheets)}; it has {', '.join(map(str, names))}.",
        fix=f"Rename the sheet, or correct 'sheets' in {table.declared_at.rpartition(':')[0]}.",
    )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileRefused(
            f"The file cannot be opened: {error.strerror}.",
            fix="Close it in other programs and check its permissions.",
        ) from error


def _already_loaded(path: Path, table: SourceTable, before: LedgerRow) -> FileReport:
    reason = f"already loaded on {before.loaded_at:%Y-%m-%d %H:%M} UTC as {before.file}"
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
