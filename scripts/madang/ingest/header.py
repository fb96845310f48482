"""Finds the header row of a sheet by itself and says which column stands where."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from madang.errors import did_you_mean
from madang.ingest.checks.signs import visible
from madang.ingest.errors import FileRefused, Reason
from madang.ingest.readers.cells import Cell, cleaned
from madang.names import without_unseen

if TYPE_CHECKING:
    from madang.ingest.tables import SourceColumn, SourceTable

LOOK_AT = 50  # rows to look for a header in
SHOWN = 100  # signs of a header in a message
IGNORED = re.compile(r"[\s_\-*:.]+")
NATIONAL_ID_HEADER = re.compile(
    r"주민(등록)?(번호|no)|외국인등록번호|residentregistration|^ssn$|^rrn$"
)


@dataclass(frozen=True)
class Header:
    """Where a sheet's header stands: `row` is its last row, counted from 0; `places` are
    (column, cell position). A header of two rows has joined labels ("연락처 휴대폰"). `twice` are
    columns that stand under two labels.
    """

    row: int
    places: list[tuple["SourceColumn", int]]
    labels: list[str]
    missing: list["SourceColumn"]
    lines: list[list[str]]
    twice: list[tuple["SourceColumn", str, str]]

    @property
    def width(self) -> int:
        """How many cells a row has under this header."""
        return len(self.labels)

    @property
    def ignored(self) -> list[str]:
        """The labels that no column of the mapping stands under."""
        used = {at for _, at in self.places}
        return [label for at, label in enumerate(self.labels) if label and at not in used]

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
    return IGNORED.sub("", unicodedata.normalize("NFKC", visible(text)).casefold())


def known_headers(columns: Iterable["SourceColumn"]) -> dict[str, "SourceColumn"]:
    """Map every comparable header to its column."""
    return {header_key(header): column for column in columns for header in column.synonyms}


def find_header(rows: Sequence[Sequence[Cell]], table: "SourceTable") -> Header | None:
    """Return the row with the most known headers, at least two (one for a one-column table).

    Title rows and blank rows above it are passed over. Two rows are one header where together they
    name more columns than either alone.
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
    twice = []
    for position, column in enumerate(_matched(chosen, known)):
        if column is None:
            continue
        if column.name in places:
            twice.append((column, labels[places[column.name][1]], labels[position]))
        else:
            places[column.name] = (column, position)
    missing = [c for c in table.columns if c.required and c.name not in places]
    return Header(best[1], list(places.values()), labels, missing, chosen, twice)


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


def national_id_labels(labels: Iterable[str]) -> list[str]:
    """Return the headers that announce national id numbers."""
    return [
        label
        for label in labels
        if any(NATIONAL_ID_HEADER.search(header_key(text)) for text in (label, *label.split()))
    ]


def header_reasons(header: Header, table: "SourceTable") -> list[Reason]:
    """Say all that is wrong with a header: columns under two labels, required ones under none."""
    reasons = [
        Reason(
            f"Two columns of the file are both '{column.name}': '{first}' and '{second}'.",
            f"두 열('{first}', '{second}')이 모두 '{column.name}' 열입니다.",
            "Rename or delete one of the two columns.",
            "두 열 중 하나의 이름을 바꾸거나 삭제하세요.",
        )
        for column, first, second in header.twice
    ]
    file = table.declared_at.rpartition(":")[0]
    for column in header.missing:
        looked = ", ".join(f"'{name}'" for name in column.synonyms)
        hints = (did_you_mean(name, header.ignored) for name in column.synonyms)
        hint = next(filter(None, hints), "")
        reasons.append(
            Reason(
                f"The required column '{column.name}' is missing; looked for {looked}.{hint}",
                f"필수 열 '{column.name}'이(가) 없습니다. 찾은 이름: {looked}.",
                f"Rename the header in the file, or add it to 'headers' of that column in {file}.",
                f"파일의 머리글을 바꾸거나 {file}에서 그 열의 headers에 추가하세요.",
            )
        )
    if header.missing:
        found = _listed([name for name in header.labels if name])
        reasons.append(Reason(f"Headers found: {found}.", f"파일에 있는 머리글: {found}."))
    return reasons


def ignored_note(ignored: Sequence[str], table: "SourceTable") -> list[str]:
    """Say which columns of a file no mapping names, so that they were not read."""
    if not ignored:
        return []
    shown = _listed(ignored)
    file = table.declared_at.rpartition(":")[0]
    return [f"Columns that no mapping names were not read: {shown}. Add what counts to {file}."]


def _listed(labels: Sequence[str]) -> str:
    """Headers for a message, not more and not longer than a screen takes."""
    more = f" and {len(labels) - LOOK_AT:,} more" if len(labels) > LOOK_AT else ""
    return ", ".join(f"'{label[:SHOWN]}'" for label in labels[:LOOK_AT]) + more


def no_header(rows: Sequence[Sequence[Cell]], table: "SourceTable") -> FileRefused:
    """Say that no header row was found. Cells are not shown: they may be somebody's data."""
    known = [name for column in table.columns for name in column.synonyms]
    wanted = [c for c in table.columns if c.required] or table.columns
    looked = "; ".join(" / ".join(column.synonyms) for column in wanted)
    labels = dict.fromkeys(label for row in rows[:LOOK_AT] for label in map(label_of, row))
    words = [label for label in labels if label.replace("_", "").replace(" ", "").isalpha()]
    shown = [f"'{word}'" for word in words if did_you_mean(word, known)][:5]
    hint = f" Close, but not the same: {', '.join(shown)}." if shown else ""
    count = min(len(rows), LOOK_AT)
    return FileRefused.of(
        [
            Reason(
                f"No header row was found for {table.label} in the first {count} rows.{hint}",
                f"처음 {count}개 행에서 {table.label}의 머리글 행을 찾지 못했습니다.",
                f"The row above the data must name the columns. Looked for: {looked}.",
                f"데이터 위의 행에 열 이름이 있어야 합니다. 찾은 이름: {looked}.",
            )
        ]
    )


def label_of(cell: Cell) -> str:
    """What a header says, on one line; signs that would act on a screen are no part of it."""
    text = cleaned(cell)
    return without_unseen(" ".join(text.split())) if isinstance(text, str) else ""
