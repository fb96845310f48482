"""Finds the header row of a sheet by itself and says which column stands where."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from madang.errors import did_you_mean
from madang.ingest.cells import Cell, cleaned
from madang.ingest.errors import FileRefused
from madang.names import without_unseen

if TYPE_CHECKING:
    from madang.ingest.tables import SourceColumn, SourceTable

LOOK_AT = 50  # rows to look for a header in
SHOWN = 100  # signs of a header in a message
IGNORED = re.compile(r"[\s_\-*:.\u200b\ufeff]+")
NATIONAL_ID_HEADER = re.compile(
    r"주민(등록)?(번호|no)|외국인등록번호|residentregistration|^ssn$|^rrn$"
)


@dataclass(frozen=True)
class Header:
    """Where a sheet's header stands: `row` is its last row, counted from 0; `places` are
    (column, cell position). A header of two rows has joined labels ("연락처 휴대폰").
    """

    row: int
    places: list[tuple["SourceColumn", int]]
    labels: list[str]
    missing: list["SourceColumn"]
    lines: list[list[str]]

    @property
    def width(self) -> int:
        """How many cells a row has under this header."""
        return len(self.labels)

    def is_repeated_by(self, row: Sequence[Cell]) -> bool:
        """Whether a row says again what a row of this header says, in every mapped column."""
        cells = [label_of(cell) for cell in row]
        return any(
            all(cells[at] == line[at] for _, at in self.places)
            for line in self.lines
            if any(line[at] for _, at in self.places)
        )


def header_key(text: str) -> str:
    """Return a header for comparing: NFKC, lower case, without spaces, '_', '-', '*'."""
    return IGNORED.sub("", unicodedata.normalize("NFKC", text).casefold())


def known_headers(columns: Iterable["SourceColumn"]) -> dict[str, "SourceColumn"]:
    """Map every comparable header to its column."""
    return {header_key(header): column for column in columns for header in column.synonyms}


def find_header(rows: Sequence[Sequence[Cell]], table: "SourceTable") -> Header | None:
    """Return the row with the most known headers, at least two (one for a one-column table).

    Title rows and blank rows above it are passed over. Two rows are one header where together they
    name more columns than either alone. Raises FileRefused when one column stands under two
    headers of that row.
    """
    known = known_headers(table.columns)
    lines = [[label_of(cell) for cell in row] for row in rows[:LOOK_AT]]
    best, most = None, min(2, len(table.columns)) - 1
    pairs = [(number - 1, number) for number in range(1, len(lines))]
    for span in [*((number, number) for number in range(len(lines))), *pairs]:
        matched = _matched([lines[at] for at in sorted(set(span))], known)
        hits = len({column.name for column in matched if column})
        if hits > most:
            best, most = span, hits
    if best is None:
        return None
    chosen = [lines[at] for at in sorted(set(best))]
    width = max(
        max((at + 1 for at, label in enumerate(line) if label), default=0) for line in chosen
    )
    chosen = [[*line, *[""] * width][:width] for line in chosen]
    labels = [label for label, _ in joined(chosen)]
    places: dict[str, tuple[SourceColumn, int]] = {}
    for position, column in enumerate(_matched(chosen, known)):
        if column is None:
            continue
        if column.name in places:
            first = labels[places[column.name][1]]
            raise FileRefused(
                f"Two columns of the file are both '{column.name}': "
                f"'{first}' and '{labels[position]}'.",
                fix="Rename or delete one of the two columns.",
            )
        places[column.name] = (column, position)
    missing = [c for c in table.columns if c.required and c.name not in places]
    return Header(best[1], list(places.values()), labels, missing, chosen)


def joined(lines: Sequence[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Return each column's label and the texts that may name it, the most telling first.

    Over a header of two rows the upper text reaches to the right, as a merged cell does.
    """
    if len(lines) == 1:
        return [(label, [label]) for label in lines[0]]
    upper, lower = lines
    found, group = [], ""
    for at in range(max(len(upper), len(lower))):
        above = upper[at] if at < len(upper) else ""
        below = lower[at] if at < len(lower) else ""
        group = above or (group if below else "")
        if not below or group == below:
            found.append((above or below, [above or below]))
        else:
            label = f"{group} {below}".strip()
            found.append((label, [label, below]))
    return found


def _matched(
    lines: Sequence[Sequence[str]], known: Mapping[str, "SourceColumn"]
) -> list["SourceColumn | None"]:
    """The known column of each cell of a header, where there is one."""
    return [
        next((known[key] for key in map(header_key, texts) if key in known), None)
        for _, texts in joined(lines)
    ]


def national_id_label(labels: Iterable[str]) -> str | None:
    """Return the header that announces national id numbers, if one does."""
    return next(
        (
            label
            for label in labels
            if any(NATIONAL_ID_HEADER.search(header_key(text)) for text in (label, *label.split()))
        ),
        None,
    )


def missing_headers(header: Header, table: "SourceTable") -> FileRefused:
    """Say which required columns are not there, what was looked for and what is there."""
    lines = []
    used = {position for _, position in header.places}
    free = [name for at, name in enumerate(header.labels) if name and at not in used]
    for column in header.missing:
        looked = ", ".join(f"'{name}'" for name in column.synonyms)
        hint = next(filter(None, (did_you_mean(name, free) for name in column.synonyms)), "")
        lines.append(f"The required column '{column.name}' is missing; looked for {looked}.{hint}")
    labels = [name for name in header.labels if name]
    found = ", ".join(f"'{name[:SHOWN]}'" for name in labels[:LOOK_AT])
    more = f" and {len(labels) - LOOK_AT:,} more" if len(labels) > LOOK_AT else ""
    lines.append(f"Headers found: {found}{more}.")
    return FileRefused(
        "\n".join(lines),
        fix="Rename the header in the file, or add it to 'headers' of that column in "
        f"{table.declared_at.rpartition(':')[0]}.",
    )


def no_header(rows: Sequence[Sequence[Cell]], table: "SourceTable") -> FileRefused:
    """Say that no header row was found. Cells are not shown: they may be somebody's data."""
    known = [name for column in table.columns for name in column.synonyms]
    wanted = [c for c in table.columns if c.required] or table.columns
    looked = "; ".join(" / ".join(column.synonyms) for column in wanted)
    labels = dict.fromkeys(label for row in rows[:LOOK_AT] for label in map(label_of, row))
    words = [label for label in labels if label.replace("_", "").replace(" ", "").isalpha()]
    shown = [f"'{word}'" for word in words if did_you_mean(word, known)][:5]
    hint = f" Close, but not the same: {', '.join(shown)}." if shown else ""
    return FileRefused(
        f"No header row was found for {table.label} in the first {min(len(rows), LOOK_AT)} rows."
        f"{hint}",
        fix=f"The row above the data must name the columns. Looked for: {looked}.",
    )


def label_of(cell: Cell) -> str:
    """What a header says, on one line; signs that would act on a screen are no part of it."""
    text = cleaned(cell)
    return without_unseen(" ".join(text.split())) if isinstance(text, str) else ""
