"""Checks the rows of one sheet: good rows go on, bad rows become rejections, and why."""

import itertools
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

from madang.ingest.checks import problems
from madang.ingest.checks.columns import ColumnCheck, NationalIds, Outcome
from madang.ingest.checks.problems import BadLine, CellProblem
from madang.ingest.checks.values import fold
from madang.ingest.header import LOOK_AT, Header, find_header
from madang.ingest.readers.cells import Cell, as_text, cleaned
from madang.ingest.readers.sheets import NumberedRow, Sheet
from madang.ingest.tables import SourceTable

START = 4  # signs of a row's first cell that tell most rows of data from all others
BATCH = 10_000  # rows that are checked together
# What a row of data is called where other rows are called by their problem.
DATA = CellProblem("data", "", "", "", "")
Accept = Callable[[list[list[str | None]], str | None, list[int]], None]
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
    ignored: list[str] = field(default_factory=list)


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
    """Check every row below the header; call `accept(columns, sheet, rows)` for some good ones at
    a time, and `reject(rejections)` for each bad one, both in the order of the file.

    `columns` follow `table.columns`, `rows` are the numbers. A row with one bad cell is rejected
    whole. Rows that are blank, that repeat the header or that stand at or below a stop row are no
    data; a complete row below a stop row is rejected, so that nothing vanishes. Raises FileRefused
    for national id numbers.
    """
    batch = _Batch(peeked.sheet, header, table, zone, accept, reject)
    kinds = RowKinds(peeked.sheet, header, table)
    rows = itertools.chain(peeked.head[header.row + 1 :], peeked.sheet.rows)
    while chunk := list(itertools.islice(rows, BATCH)):
        if kinds.are_plain(chunk):
            batch.add(chunk)
            continue
        for number, cells in chunk:
            if isinstance(cells, BadLine):
                batch.refuse(number, cells.problem or problems.BAD_JSON, cells.text)
            elif kinds.is_plain(cells):
                batch.add([(number, cells)])
            elif (kind := kinds.of(cells)) is DATA:  # beyond the header it has blanks alone
                batch.add([(number, cells[: header.width] if peeked.sheet.is_delimited else cells)])
            elif kind is not None:
                batch.refuse(number, kind)
                batch.see(cells)
    return batch.finish()


class RowKinds:
    """Tells rows of data from all else. Most rows are told by their first cell alone."""

    def __init__(self, sheet: Sheet, header: Header, table: SourceTable) -> None:
        positions = {column.name: at for column, at in header.places}
        self._header = header
        self._is_delimited = sheet.is_delimited
        self._mapped = sorted(positions.values())
        self._required = [positions[c.name] for c in table.columns if c.required]
        self._stops = tuple(fold(word) for word in table.stop_rows)
        self._first_labels = {line[self._mapped[0]] or None for line in header.lines}
        self.has_stopped = False
        labels = [fold(label) for label in self._first_labels if label]
        self._special = [text for text in (*self._stops, *labels) if text]
        self._known: dict[str, bool] = {}

    def are_plain(self, rows: list[NumberedRow]) -> bool:
        """Whether all of these rows are surely data."""
        try:
            firsts = [cells[0] for _, cells in rows]
        except (TypeError, IndexError):  # a line that could not be read, a row without a cell
            return False
        if self._is_unsure(max(len(cells) for _, cells in rows)) or None in firsts:
            return False
        starts = {first[:START] for first in firsts if first.__class__ is str}
        return all(map(self.is_plain_start, starts))

    def is_plain(self, cells: list[Cell]) -> bool:
        """Whether a row is surely data: its first cell, which is mapped, begins like no label."""
        if not cells or self._is_unsure(len(cells)):
            return False
        first = cells[0]
        if first.__class__ is not str:
            return first is not None
        return self.is_plain_start(first[:START])

    def _is_unsure(self, width: int) -> bool:
        """Whether first cells say nothing: below a total, without a mapping, in too wide a row."""
        too_wide = self._is_delimited and width > self._header.width
        return self.has_stopped or self._mapped[0] != 0 or too_wide

    def is_plain_start(self, start: str) -> bool:
        """Whether no row but one of data has a first cell that begins so (START signs)."""
        plain = self._known.get(start)
        if plain is None:
            if len(self._known) > BATCH:
                self._known.clear()
            plain = self._known[start] = self._begins_plainly(start)
        return plain

    def _begins_plainly(self, start: str) -> bool:
        """Whether no stop word, no label and no blank begins so."""
        begin = cleaned(start)
        if not isinstance(begin, str) or not unicodedata.is_normalized("NFC", start):
            return False
        text = fold(begin)
        return not any(word.startswith(text) or text.startswith(word) for word in self._special)

    def of(self, cells: list[Cell]) -> CellProblem | None:
        """Return DATA, the problem of a row that must not be there, or None for no row of data."""
        row = [cleaned(cell) for cell in cells]
        row += [None] * (self._header.width - len(row))
        if all(row[at] is None for at in self._mapped):
            return None
        if is_stop_row(row, self._stops):
            self.has_stopped = True
            return None
        if row[self._mapped[0]] in self._first_labels and self._header.is_repeated_by(row):
            return None
        if self.has_stopped:  # a note below the total, or a row that was meant
            is_note = any(row[at] is None for at in self._required)
            return None if is_note else problems.AFTER_TOTAL
        if self._is_delimited and any(c is not None for c in row[self._header.width :]):
            return problems.TOO_MANY_CELLS
        return DATA


class _Batch:
    """Rows of data until there are enough to check them column by column."""

    def __init__(
        self,
        sheet: Sheet,
        header: Header,
        table: SourceTable,
        zone: tzinfo,
        accept: Accept,
        reject: Reject,
    ) -> None:
        self._sheet, self._header = sheet, header
        self._accept, self._reject = accept, reject
        self._result = SheetResult(sheet.name, notes=list(sheet.notes))
        positions = {column.name: at for column, at in header.places}
        self._checks = [
            (positions.get(column.name), ColumnCheck(column, zone, sheet.is_1904))
            for column in table.columns
        ]
        self._national_ids = NationalIds(header.labels)
        self._numbers: list[int] = []
        self._rows: list[list[Cell]] = []
        self._refused: list[Rejection] = []

    def add(self, rows: Sequence[NumberedRow]) -> None:
        """Take rows of data."""
        for number, cells in rows:
            self._numbers.append(number)
            self._rows.append(cells)
        if len(self._rows) >= BATCH:
            self._flush()

    def refuse(self, number: int, problem: CellProblem, text: str | None = None) -> None:
        """Take a row that cannot be read as a whole."""
        self._refused.append(Rejection(self._sheet.name, number, None, None, text, problem))
        if len(self._refused) >= BATCH:
            self._flush()

    def see(self, cells: list[Cell]) -> None:
        """Look for national id numbers in a refused row, too."""
        for at, cell in enumerate(cells):
            self._national_ids.look_at(at, [cell])

    def finish(self) -> SheetResult:
        """Check what is left. Raises FileRefused for national id numbers."""
        self._flush()
        self._national_ids.refuse_if_any()
        return self._result

    def _flush(self) -> None:
        cells = list(itertools.zip_longest(*self._rows))
        mapped = {at for at, _ in self._checks}
        for at, column in enumerate(cells):
            if at not in mapped:
                self._national_ids.look_at(at, column)
        blank = (None,) * len(self._rows)
        outcomes: list[list[Outcome]] = []
        wrong: dict[int, list[Rejection]] = {}
        for at, check in self._checks:
            if at is None:
                outcomes.append(list(blank))
                continue
            column = cells[at] if at < len(cells) else blank
            found, bad = check.outcomes(column)
            self._national_ids.look_at(at, column, check.national_ids)
            outcomes.append(found)
            for place in bad:
                rejection = self._rejection(place, check.name, at, column[place], found[place])
                wrong.setdefault(place, []).append(rejection)
        refused = [*([one] for one in self._refused), *wrong.values()]
        for rejections in sorted(refused, key=lambda one: one[0].row):
            self._reject(rejections)
        numbers = self._numbers
        if wrong:
            keep = [at not in wrong for at in range(len(numbers))]
            numbers = list(itertools.compress(numbers, keep))
            outcomes = [list(itertools.compress(column, keep)) for column in outcomes]
        if numbers:
            self._accept(outcomes, self._sheet.name, numbers)
        self._result.rows += len(self._rows) + len(self._refused)
        self._result.rejected += len(refused)
        self._result.loaded += len(numbers)
        self._numbers, self._rows, self._refused = [], [], []

    def _rejection(
        self, place: int, name: str, at: int, cell: Cell, problem: CellProblem
    ) -> Rejection:
        value = as_text(cleaned(cell))
        label = self._header.labels[at]
        return Rejection(self._sheet.name, self._numbers[place], name, label, value, problem)


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
