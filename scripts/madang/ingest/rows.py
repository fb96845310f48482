"""Checks the rows of one sheet: good rows go on, bad rows become rejections, and why."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo

from madang.ingest import problems
from madang.ingest.cells import DAYS_TO_1904, LAST_SERIAL, Cell, as_text, cleaned
from madang.ingest.errors import FileRefused
from madang.ingest.header import LOOK_AT, Header, find_header
from madang.ingest.problems import BadLine, CellProblem
from madang.ingest.readers import NumberedRow, Sheet
from madang.ingest.sources import SourceColumn, SourceTable
from madang.ingest.values import NATIONAL_ID, Check, checker, fold, is_nothing

FREE_TEXT = ("id", "text", "name")
Accept = Callable[[list[str | None], str | None, int], None]
Reject = Callable[[list["Rejection"]], None]


@dataclass(frozen=True, slots=True)
class Rejection:
    """One problem of one rejected row. `value` is personal: it goes to the rejects file only."""

    sheet: str | None
    row: int
    column: str | None
    header: str | None
    value: str | None
    problem: CellProblem


@dataclass
class SheetResult:
    """What the rows of one sheet came to."""

    name: str | None
    rows: int = 0
    loaded: int = 0
    rejected: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PeekedSheet:
    """A sheet whose first rows were read to find its header."""

    sheet: Sheet
    head: list[NumberedRow]
    header: Header | None

    @property
    def has_content(self) -> bool:
        """Whether any of the first rows holds anything."""
        return any(
            isinstance(cells, BadLine) or any(cleaned(cell) is not None for cell in cells)
            for _, cells in self.head
        )

    @property
    def head_cells(self) -> list[list[Cell]]:
        """The first rows without their numbers."""
        return [[] if isinstance(cells, BadLine) else cells for _, cells in self.head]


def peek(sheet: Sheet, table: SourceTable) -> PeekedSheet:
    """Read the first rows of a sheet and look for the header among them."""
    head = list(itertools.islice(sheet.rows, LOOK_AT))
    peeked = PeekedSheet(sheet, head, None)
    return PeekedSheet(sheet, head, find_header(peeked.head_cells, table))


def check_rows(
    peeked: PeekedSheet,
    header: Header,
    table: SourceTable,
    zone: tzinfo,
    accept: Accept,
    reject: Reject,
) -> SheetResult:
    """Check every row below the header; call `accept(texts, sheet, row)` for each good one, and
    `reject(rejections)` for each bad one.

    `texts` follow `table.columns`. A row with one bad cell is rejected whole. Rows that are blank,
    that repeat the header or that stand at or below a stop row are no data; a complete row below a
    stop row is rejected, so that nothing vanishes. Raises FileRefused for national id numbers.
    """
    sheet = peeked.sheet
    result = SheetResult(sheet.name, notes=list(sheet.notes))
    positions = {column.name: at for column, at in header.places}
    columns = [
        (c, positions.get(c.name), _cell_check(c, zone, sheet.is_1904)) for c in table.columns
    ]
    required = [positions[c.name] for c in table.columns if c.required]
    mapped = sorted(positions.values())
    stops = tuple(fold(word) for word in table.stop_rows)
    first_labels = {line[mapped[0]] or None for line in header.lines}
    national_ids = _NationalIds(header.labels)
    stopped = False
    for number, cells in itertools.chain(peeked.head[header.row + 1 :], sheet.rows):
        if isinstance(cells, BadLine):
            result.rows += 1
            result.rejected += 1
            problem = cells.problem or problems.BAD_JSON
            reject([Rejection(sheet.name, number, None, None, cells.text, problem)])
            continue
        row = [cleaned(cell) for cell in cells]
        row += [None] * (header.width - len(row))
        if all(row[at] is None for at in mapped):
            continue
        if is_stop_row(row, stops):
            stopped = True
            continue
        if row[mapped[0]] in first_labels and header.is_repeated_by(row):
            continue
        if stopped and any(row[at] is None for at in required):
            continue  # a note below the total
        national_ids.look_at(row)
        result.rows += 1
        texts: list[str | None] = []
        wrong: list[Rejection] = []
        if stopped:
            wrong.append(_whole_row(sheet, number, problems.AFTER_TOTAL))
        elif sheet.is_delimited and any(c is not None for c in row[header.width :]):
            wrong.append(_whole_row(sheet, number, problems.TOO_MANY_CELLS))
        else:
            for column, at, check in columns:
                outcome = None if at is None else check(row[at])
                if isinstance(outcome, CellProblem):
                    label, value = header.labels[at], as_text(row[at])
                    wrong.append(Rejection(sheet.name, number, column.name, label, value, outcome))
                    continue
                texts.append(outcome)
        if wrong:
            result.rejected += 1
            reject(wrong)
        else:
            result.loaded += 1
            accept(texts, sheet.name, number)
    national_ids.refuse_if_any()
    return result


def _cell_check(
    column: SourceColumn, zone: tzinfo, is_1904: bool
) -> Callable[[Cell], str | CellProblem | None]:
    """The check of one column, with what its type and `required` make of an empty cell."""
    check: Check = checker(column.type, zone, column.spellings)
    empty = problems.BLANK if column.required else None
    typed = column.type not in FREE_TEXT

    def check_cell(cell: Cell) -> str | CellProblem | None:
        if cell is None or (typed and is_nothing(cell)):
            return empty
        return check(cell)

    def check_1904(cell: Cell) -> str | CellProblem | None:
        is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
        return check_cell(cell + DAYS_TO_1904 if is_number and cell < LAST_SERIAL else cell)

    return check_1904 if is_1904 and column.type in ("date", "timestamp") else check_cell


def _whole_row(sheet: Sheet, number: int, problem: CellProblem) -> Rejection:
    return Rejection(sheet.name, number, None, None, None, problem)


def is_stop_row(row: list[Cell], stops: tuple[str, ...]) -> bool:
    """Whether the first filled cell is a stop word, alone or followed by something not a letter."""
    if not stops:
        return False
    first = next((cell for cell in row if cell is not None), None)
    if not isinstance(first, str):
        return False
    text = fold(first[:40])
    return any(
        text == stop or (text.startswith(stop) and not text[len(stop)].isalpha()) for stop in stops
    )


class _NationalIds:
    """Counts values that look like national id numbers, in every column of the file."""

    def __init__(self, labels: list[str]) -> None:
        self._labels = labels
        self._filled: dict[int, int] = {}
        self._hits: dict[int, int] = {}

    def look_at(self, row: list[Cell]) -> None:
        for at, cell in enumerate(row):
            if cell is None:
                continue
            self._filled[at] = self._filled.get(at, 0) + 1
            if cell.__class__ is str and len(cell) == 14 and NATIONAL_ID.fullmatch(cell):
                self._hits[at] = self._hits.get(at, 0) + 1

    def refuse_if_any(self) -> None:
        for at, hits in self._hits.items():
            if hits * 2 > self._filled[at]:
                label = self._labels[at] if at < len(self._labels) else ""
                raise national_id_refusal(label or f"number {at + 1}")


def national_id_refusal(label: str) -> FileRefused:
    """The refusal of a file with a column of national id numbers."""
    return FileRefused(
        f"The column '{label}' holds national id numbers (주민등록번호), which must not be loaded.",
        fix="Delete the column and save the file again. 해당 열을 삭제한 뒤 다시 저장해 주세요.",
    )
