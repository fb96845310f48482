"""Finds the table of an unknown file: which sheet, which header rows, which columns."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from madang.ingest.checks.national_ids import is_national_id
from madang.ingest.checks.problems import BadLine, CellProblem
from madang.ingest.checks.rows import is_stop_row
from madang.ingest.checks.values import (
    check_amount,
    check_date,
    check_email,
    check_phone,
    fold,
)
from madang.ingest.errors import FileRefused
from madang.ingest.header import LOOK_AT, header_key, joined, label_of
from madang.ingest.readers.cells import Cell, cleaned
from madang.ingest.readers.sheets import NumberedRow, Sheet

SAMPLE = 20_000  # rows to guess from
STOP_ROWS = ("합계", "총계", "총합계", "소계", "total", "grand total")
WIDE = 0.6  # a header fills this share of the widest row's cells


@dataclass(frozen=True)
class FoundTable:
    """One sheet's table: labels by cell position (may be blank), and its sampled rows."""

    sheet: str | None
    labels: list[str]
    rows: list[list[Cell]]
    is_whole: bool
    header_row: int
    stop_row: int | None

    def column(self, at: int) -> list[Cell]:
        """The cells of one column, from top to bottom."""
        return [row[at] for row in self.rows]


def find_tables(sheets: Iterable[Sheet]) -> tuple[list[FoundTable], list[str]]:
    """Return the tables of a file, the one with the most rows first, and the sheets without one.

    Raises FileRefused when no sheet has a row that can be a header with rows below it.
    """
    found, others = [], []
    for sheet in sheets:
        head = list(itertools.islice(sheet.rows, SAMPLE + LOOK_AT))
        table = _table(sheet, head)
        if table:
            found.append(table)
        elif any(not isinstance(cells, BadLine) and any(cells) for _, cells in head):
            others.append(sheet.name or "")
    if not found:
        raise FileRefused(
            "No row of the file looks like headers with data below.",
            fix="The row above the data must name the columns, one name a column.",
        )
    return sorted(found, key=lambda table: -len(table.rows)), others


def _table(sheet: Sheet, head: Sequence[NumberedRow]) -> FoundTable | None:
    numbered = [
        (number, [cleaned(cell) for cell in cells])
        for number, cells in head
        if not isinstance(cells, BadLine)
    ]
    rows = [cells for _, cells in numbered]
    last = _header(rows[:LOOK_AT])
    if last is None:
        return None
    lines = [rows[last]]
    if last + 1 < len(rows) and _continues(rows[last], rows[last + 1], rows[last + 2 :]):
        lines.append(rows[last + 1])
        last += 1
    labels = [label for label, _ in joined([[label_of(cell) for cell in line] for line in lines])]
    width = max(len(labels), *(len(row) for row in rows[last:]))
    labels += [""] * (width - len(labels))
    body: list[list[Cell]] = []
    stop_row = None
    stops = tuple(map(fold, STOP_ROWS))
    for number, row in numbered[last + 1 :]:
        if not any(cell is not None for cell in row):
            continue
        if is_stop_row(row, stops):
            stop_row = number
            break
        body.append([*row, *[None] * (width - len(row))])
    if not body:
        return None
    is_whole = len(head) < SAMPLE + LOOK_AT
    return FoundTable(sheet.name, labels, body[:SAMPLE], is_whole, numbered[last][0], stop_row)


def _header(rows: Sequence[Sequence[Cell]]) -> int | None:
    """The first row that is wide, of distinct words, and holds nothing that is data."""
    widest = max((_filled(row) for row in rows), default=0)
    for number, row in enumerate(rows):
        labels = [cell for cell in row if cell is not None]
        if len(labels) < max(1, WIDE * widest) or not _are_labels(labels):
            continue
        if len({header_key(str(label)) for label in labels}) >= 0.8 * len(labels):
            return number
    return None


def _continues(
    upper: Sequence[Cell], lower: Sequence[Cell], below: Sequence[Sequence[Cell]]
) -> bool:
    """Whether a row goes on with the header above it: words where that is blank, data below."""
    fills = any(
        cell is not None and (at >= len(upper) or upper[at] is None)
        for at, cell in enumerate(lower)
    )
    labels = [cell for cell in lower if cell is not None]
    data = [cell for row in below[:LOOK_AT] for cell in row if cell is not None]
    return fills and _are_labels(labels) and any(not _is_label(cell) for cell in data)


def _are_labels(cells: Sequence[Cell]) -> bool:
    return all(_is_label(cell) for cell in cells)


def _is_label(cell: Cell) -> bool:
    """A short text that is no address, number, day or national id number."""
    if not isinstance(cell, str) or len(cell) > 60 or is_national_id(cell):
        return False
    checks = (check_email, check_phone, check_date, check_amount)
    return all(isinstance(check(cell), CellProblem) for check in checks)


def _filled(row: Sequence[Cell]) -> int:
    return sum(cell is not None for cell in row)
