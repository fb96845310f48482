"""Loads files into the raw layer: find, match, read, check, land, report; one file at a time."""

import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from madang.ingest import net
from madang.ingest.calls.drain import drain
from madang.ingest.currents.load import FORMAT, load_currents
from madang.ingest.errors import FileRefused, LoadError
from madang.ingest.files import find_files, name_in, source_of
from madang.ingest.landing.holds import Acceptance
from madang.ingest.landing.refusals import write_refusal
from madang.ingest.landing.seen import remember
from madang.ingest.one_file import Loading, load_file
from madang.ingest.readers.apart import Reader
from madang.ingest.report import FileReport, LoadReport, ProblemCounts
from madang.ingest.sources import read_sources
from madang.ingest.tables import SourceTable
from madang.settings.workspace import Settings
from madang.times import in_name
from madang.warehouse import Warehouse


def load(
    settings: Settings,
    warehouse: Warehouse,
    paths: Sequence[Path] | None = None,
    on_step: Callable[[str], object] | None = None,
    acceptance: Acceptance | None = None,
) -> LoadReport:
    """Load the inbox, or the given files and folders, and say what became of every file.

    With the inbox, what the receiver took is drained too.
    Files go in the order of their names, so the last name is the newest snapshot. `on_step` is
    called with the name of each file, and of each kind of Currents, before it is read. A file that
    cannot be used does not stop the others. Raises LoadError when there is nothing to load,
    SpecError for a wrong source YAML, WarehouseError when rows cannot be written.
    """
    tables = read_sources(settings.project_dir)
    if not tables:
        raise LoadError(
            "No source says how files are loaded.",
            where=str(settings.project_dir / "models" / "staging"),
            fix="Declare 'config.meta.load' at a table in a _<source>__sources.yml there.",
        )
    received = [] if paths else _drained(settings, warehouse, tables, on_step)
    try:
        files = find_files(settings.paths.inbox, paths)
    except LoadError:
        if paths or not settings.paths.received.exists():
            raise
        files = []  # where calls are received, an inbox without files is no mistake
    load_id = f"{in_name(datetime.now(UTC), settings.timezone)}-{secrets.token_hex(2)}"
    with Reader() as reader:
        run = _Load(settings, warehouse, tables, load_id, acceptance, reader)
        run.files += received
        for path in files:
            run.take(path, on_step)
        run.take_currents(on_step)
    if not paths:
        run.loading.settle()
    remember(warehouse, run.loading.newly_seen)
    return LoadReport(load_id, run.files, run.problems.listed())


class _Load:
    """The state of one load: what the warehouse holds already, and what was found so far."""

    def __init__(
        self,
        settings: Settings,
        warehouse: Warehouse,
        tables: list[SourceTable],
        load_id: str,
        acceptance: Acceptance | None,
        reader: Reader,
    ) -> None:
        self.settings = settings
        self.warehouse = warehouse
        self.tables = tables
        self.load_id = load_id
        self.problems = ProblemCounts()
        self.reader = reader
        self.loading = Loading(settings, warehouse, load_id, self.problems, reader, acceptance)
        self.files: list[FileReport] = []
        self.currents: dict[str, list[Path]] = {}

    def take(self, path: Path, on_step: Callable[[str], object] | None) -> None:
        """Load one file, or say why not; one of Currents is only put beside its like."""
        try:
            with net.one_file(self.settings):
                table = source_of(path, self.settings.paths.inbox, self.tables)
        except FileRefused as refusal:
            self._refuse(FileReport(path, None, "unmatched"), refusal)
            return
        if table.format == FORMAT:
            self.currents.setdefault(table.label, []).append(path)
            return
        if on_step:
            on_step(name_in(self.settings.paths.inbox, path))
        try:
            with net.one_file(self.settings):
                self.files.append(load_file(self.loading, path, table))
        except FileRefused as refusal:
            self._refuse(FileReport(path, table.label, "refused"), refusal)

    def _refuse(self, report: FileReport, refusal: FileRefused) -> None:
        """Report a file that cannot be used, and explain it in a file beside the rejects."""
        paths = self.settings.paths
        name = name_in(paths.inbox, report.path)
        explained = write_refusal(paths.rejects, name, self.load_id, refusal)
        self.files.append(
            replace(
                report,
                skipped_reason=refusal.message,
                fix=refusal.fix,
                refusal_file=explained,
            )
        )

    def take_currents(self, on_step: Callable[[str], object] | None) -> None:
        """Load the files of Braze Currents, which land together."""
        for table in self.tables:
            if paths := self.currents.get(table.label):
                given = (self.settings, self.warehouse, table, paths, self.load_id, self.reader)
                try:
                    with net.one_file(self.settings):
                        self.files += load_currents(*given, on_step)
                except LoadError as error:
                    folder = Path(os.path.commonpath(paths))
                    report = FileReport(folder, table.label, "refused")
                    why = replace(report, skipped_reason=error.message, fix=error.fix)
                    self.files.append(why)


def load_received(settings: Settings, warehouse: Warehouse) -> list[FileReport]:
    """Load what the receiver took, without the files of the inbox.

    Raises LoadError where something of it cannot be read: somebody may have said no in it.
    """
    reports = _drained(settings, warehouse, read_sources(settings.project_dir), None)
    for report in reports:
        if report.status == "refused":
            raise LoadError(
                f"What was received cannot be read: {report.skipped_reason}",
                where=str(report.path),
                fix=report.fix,
            )
    return reports


def _drained(
    settings: Settings,
    warehouse: Warehouse,
    tables: list[SourceTable],
    on_step: Callable[[str], object] | None,
) -> list[FileReport]:
    """Drain what the receiver took; where that cannot be read, files are loaded all the same."""
    path = settings.paths.received
    try:
        with net.one_file(settings):
            return drain(settings, warehouse, tables, on_step)
    except LoadError as error:
        report = FileReport(path, None, "refused", skipped_reason=error.message, fix=error.fix)
        return [report]
