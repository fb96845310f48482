"""What a load did: one entry a file, the problems grouped, the exit code."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from madang.names import shown

if TYPE_CHECKING:
    from madang.ingest.checks.rows import Rejection
    from madang.ingest.tables import SourceTable

Status = Literal["loaded", "already loaded", "held", "changing", "refused", "unmatched"]


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """One problem in one column, with how many rows have it. No values."""

    source: str
    column: str
    code: str
    english: str
    korean: str
    fix_en: str
    fix_ko: str
    rows: int


class ProblemCounts:
    """Counts rejected rows by their problems."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str, str], ProblemGroup] = {}

    def add(self, table: "SourceTable", rejections: "Sequence[Rejection]") -> None:
        """Count one rejected row under each problem that it has."""
        for column, problem in {(one.column, one.problem.code): one for one in rejections}.items():
            key = (table.label, column[0] or "", column[1])
            group = self._groups.get(key) or ProblemGroup(
                *key,
                problem.problem.english,
                problem.problem.korean,
                problem.problem.fix_en,
                problem.problem.fix_ko,
                rows=0,
            )
            self._groups[key] = replace(group, rows=group.rows + 1)

    def take(self, others: "ProblemCounts") -> None:
        """Add what was counted elsewhere."""
        for key, group in others._groups.items():
            known = self._groups.get(key)
            self._groups[key] = replace(group, rows=group.rows + (known.rows if known else 0))

    def listed(self) -> list[ProblemGroup]:
        """The problems found, the most frequent first."""
        return sorted(self._groups.values(), key=lambda group: (-group.rows, group.source))


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. `rows` are data rows read: `loaded` + `rejected`, unless held.

    `skipped_reason` and `fix` say why nothing of it was loaded now; `notes` are things to know
    about a file that did load. `gone` counts the keys of the last snapshot that this one lacks;
    `gone_file` lists them. `ignored` are headers without a mapping; `refusal_file` explains in
    Korean and English why the file was not used. `changing`: it was written to while it was read;
    the next load takes it.
    """

    path: Path
    source: str | None
    status: Status
    sheet: str | None = None
    rows: int = 0
    loaded: int = 0
    rejected: int = 0
    skipped_reason: str | None = None
    fix: str | None = None
    rejects_file: Path | None = None
    gone: int = 0
    gone_file: Path | None = None
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    refusal_file: Path | None = None

    @property
    def name(self) -> str:
        """The file's own name, as one line that can be seen."""
        return shown(self.path.name)


@dataclass(frozen=True)
class LoadReport:
    """The outcome of one load."""

    load_id: str
    files: list[FileReport] = field(default_factory=list)
    problems: list[ProblemGroup] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows loaded now."""
        return sum(file.loaded for file in self.files)

    @property
    def rejected(self) -> int:
        """Rows rejected now, those of held files included."""
        return sum(file.rejected for file in self.files)

    @property
    def rejects_files(self) -> list[Path]:
        """The files that list the rejected rows."""
        return [file.rejects_file for file in self.files if file.rejects_file]

    @property
    def refusal_files(self) -> list[Path]:
        """The files that explain why a file was not used."""
        return [file.refusal_file for file in self.files if file.refusal_file]

    @property
    def exit_code(self) -> int:
        """0 when all is in the warehouse, 3 when something was left out, 1 when all was."""
        in_warehouse = [file for file in self.files if file.status in ("loaded", "already loaded")]
        if self.files and not in_warehouse:
            return 1
        complete = len(in_warehouse) == len(self.files)
        return 0 if complete and not self.rejected else 3
