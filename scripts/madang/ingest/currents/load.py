"""Loads folders of Braze Currents: every new Avro file once, many in one statement.

Braze delivers at least once, so an event may come again in another file; staging keeps it once, by
its id. What was read is told by name, size and time alone.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from madang import scratch
from madang.ingest import net
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.rows import Rejection
from madang.ingest.currents import ledger as currents_ledger
from madang.ingest.currents.ledger import ReadFile
from madang.ingest.currents.lines import IN_PATH, OTHER, ReadEvents
from madang.ingest.currents.spool import EventSpool
from madang.ingest.errors import FileRefused
from madang.ingest.files import name_in
from madang.ingest.landing.land import LedgerRow, naive, record
from madang.ingest.landing.ledger_clock import LedgerClock
from madang.ingest.landing.rejects import write_rejects
from madang.ingest.landing.seen import digest_of, stamp_of
from madang.ingest.readers.apart import Reader
from madang.ingest.report import FileReport
from madang.ingest.tables import SourceTable
from madang.names import shown
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse

FORMAT = "braze_currents"
#: Events that land together: three row groups of DuckDB. Fewer than one go through its log first
#: and are written twice, and what is over one group is written again with the next.
BATCH_ROWS = 3 * 122_880
#: Columns of the raw table that no file has as a field.
OWN = {"event_type", OTHER}
NO_ID = CellProblem(
    "event_without_id",
    "This event has no id, so that it cannot be told from its copies.",
    "이벤트에 id가 없어 중복을 구별할 수 없습니다.",
    "Ask Braze's support about this file.",
    "Braze 지원팀에 이 파일을 문의하세요.",
)


@dataclass
class _Folder:
    """What the files of one event type came to."""

    path: Path
    event_type: str
    files: int = 0
    known: int = 0
    events: int = 0
    rejected: int = 0
    rejects_file: Path | None = None
    unknown: set[str] = field(default_factory=set)


class _Reading:
    """The state of one load of Currents files."""

    def __init__(
        self,
        settings: Settings,
        warehouse: Warehouse,
        table: SourceTable,
        load_id: str,
        reader: Reader,
        scratch: Path,
    ) -> None:
        self.settings, self.warehouse, self.table = settings, warehouse, table
        self.load_id, self.reader, self.scratch = load_id, reader, scratch
        self.columns = [one.name for one in table.columns if one.name not in OWN]
        self.clock = LedgerClock(warehouse)
        self.known = currents_ledger.read_files(warehouse, table)
        last = max((one.loaded_at for one in self.known.values()), default=None)
        self.landed = {one.sha256 for one in self.known.values()}
        self.cut_off = currents_ledger.landed_since(warehouse, table, last) - self.landed
        self.landed |= self.cut_off
        self.folders: dict[str, _Folder] = {}
        self.refused: list[FileReport] = []
        self.spool: EventSpool | None = None
        self.waiting: list[ReadFile] = []
        self.renamed: list[ReadFile] = []
        self.healed: list[ReadFile] = []
        self.landing: Future[None] | None = None

    def take(self, path: Path, pool: ThreadPoolExecutor) -> None:
        """Read one file unless it was read before."""
        name = name_in(self.settings.paths.inbox, path)
        folder = self._folder(path, name)
        try:
            with net.one_file(self.settings):
                self._take(path, name, folder)
        except FileRefused as refusal:
            self._refuse(path, refusal)
        if self.spool and self.spool.rows >= BATCH_ROWS:
            self.flush(pool)

    def _take(self, path: Path, name: str, folder: _Folder) -> None:
        stamp, before = stamp_of(path, name), self.known.get(name)
        modified = stamp.modified_ns // 1000
        if before and (before.bytes, before.modified_us) == (stamp.size, modified):
            folder.known += 1
            return
        sha256 = digest_of(path)
        if self.spool is None:
            self.spool = EventSpool(self.scratch, self.reader)
        moment = naive(self.clock.now())
        entry = ReadFile(self.table.label, name, stamp.size, modified, sha256, "", 0, 0, moment)
        if sha256 in self.cut_off:  # its rows are in, but no ledger has it
            self.cut_off.discard(sha256)
            folder.known += 1
            self.healed.append(_counted(entry, self.spool.look(path, name, self.columns)))
            return
        if sha256 in self.landed:
            folder.known += 1
            self.renamed.append(replace(entry, event_type=folder.event_type))
            return
        read = self.spool.add(path, name, sha256, self.columns)
        if stamp_of(path, name) != stamp:
            self.spool.drop_last(read)
            raise FileRefused(
                "The file was written to while it was read; nothing of it was loaded.",
                fix="The next load takes it, once it stands still.",
            )
        self.landed.add(sha256)
        folder.files += 1
        folder.events += read.count
        folder.unknown |= set(read.unknown)
        if read.without_id:
            folder.rejected += len(read.without_id)
            found = [Rejection(None, row, "id", None, None, NO_ID) for row in read.without_id]
            rejects = write_rejects(
                self.settings.paths.rejects, name, self.load_id, found, self.scratch
            )
            folder.rejects_file = rejects
        self.waiting.append(_counted(entry, read))

    def flush(self, pool: ThreadPoolExecutor) -> None:
        """Let what is kept land while the next files are read; one at a time."""
        spool, files = self.spool, self.waiting
        self.spool, self.waiting = None, []
        self.wait()
        if spool and files:
            self.landing = pool.submit(self._land, spool, files)

    def wait(self) -> None:
        """Wait until what was handed over has landed; raise what went wrong there."""
        if self.landing:
            self.landing.result()
        self.landing = None

    def _land(self, spool: EventSpool, files: list[ReadFile]) -> None:
        """Add the rows in one statement, then enter their files in the ledgers."""
        moment = naive(self.clock.now())
        parquet = spool.to_parquet(self.columns, moment)
        self.warehouse.append("raw", self.table.identifier, parquet)
        parquet.unlink()
        files = [replace(one, loaded_at=moment) for one in files]
        currents_ledger.remember(self.warehouse, files)
        record(self.warehouse, [_summary(self.table, files, moment)])

    def _folder(self, path: Path, name: str) -> _Folder:
        found = IN_PATH.search(name) or IN_PATH.search(path.as_posix())
        event_type = found[1] if found else path.parent.name
        if event_type not in self.folders:
            parents = [p for p in path.parents if p.name == f"event_type={event_type}"]
            where = parents[0] if parents else path.parent
            self.folders[event_type] = _Folder(where, event_type)
        return self.folders[event_type]

    def _refuse(self, path: Path, refusal: FileRefused) -> None:
        report = FileReport(
            path, self.table.label, "refused", skipped_reason=refusal.message, fix=refusal.fix
        )
        self.refused.append(report)

    def reports(self) -> list[FileReport]:
        """One entry an event type, and one for each file that could not be used."""
        told = []
        for folder in self.folders.values():
            if folder.files:
                notes = [f"{folder.files:,} new files, {folder.known:,} read before."]
                if folder.unknown:
                    names = ", ".join(map(shown, sorted(folder.unknown)))
                    notes.append(f"Fields without a column, kept in other_fields: {names}.")
                told.append(
                    FileReport(
                        folder.path,
                        self.table.label,
                        "loaded",
                        rows=folder.events + folder.rejected,
                        loaded=folder.events,
                        rejected=folder.rejected,
                        rejects_file=folder.rejects_file,
                        notes=tuple(notes),
                    )
                )
            elif folder.known:
                reason = f"{folder.known:,} files, all read before"
                told.append(
                    FileReport(
                        folder.path, self.table.label, "already loaded", skipped_reason=reason
                    )
                )
        return told + self.refused


def load_currents(
    settings: Settings,
    warehouse: Warehouse,
    table: SourceTable,
    paths: Sequence[Path],
    load_id: str,
    reader: Reader,
    on_step: Callable[[str], object] | None = None,
) -> list[FileReport]:
    """Load Currents files, and say by event type what became of them.

    A file that cannot be read does not stop the others and is tried again next time. Raises
    WarehouseError when rows cannot be written; what landed before stays, and is not read again.
    """
    by_type: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        found = IN_PATH.search(path.as_posix())
        by_type[found[1] if found else ""].append(path)
    with (
        scratch.folder(settings.paths.scratch) as folder,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        reading = _Reading(settings, warehouse, table, load_id, reader, folder)
        for event_type, files in sorted(by_type.items()):
            if on_step:
                on_step(event_type or files[0].name)
            for path in files:
                reading.take(path, pool)
        reading.flush(pool)
        reading.wait()
        currents_ledger.remember(warehouse, [*reading.renamed, *reading.healed])
        if reading.healed:
            record(warehouse, [_summary(table, reading.healed, naive(reading.clock.now()))])
    return reading.reports()


def _counted(entry: ReadFile, read: ReadEvents) -> ReadFile:
    rejected = len(read.without_id)
    return replace(entry, event_type=read.event_type, events=read.count, rejected=rejected)


def _summary(table: SourceTable, files: list[ReadFile], moment: datetime) -> LedgerRow:
    """One row of `_files` for files that landed together."""
    digest = hashlib.sha256("".join(sorted(one.sha256 for one in files)).encode()).hexdigest()
    types = sorted({one.event_type for one in files})
    more = f" and {len(types) - 1} more types" if len(types) > 1 else ""
    loaded = sum(one.events for one in files)
    rejected = sum(one.rejected for one in files)
    return LedgerRow(
        source=table.label,
        file=f"{types[0]}{more} ({len(files):,} files)",
        sha256=digest,
        sheet=None,
        rows=loaded + rejected,
        loaded=loaded,
        rejected=rejected,
        rejects_file=None,
        loaded_at=moment,
    )
