"""Texts as lines of a file that DuckDB's CSV reader takes.

The signs between values are control characters, which people's texts hardly ever hold. So a line is
joined, and only one that does hold them (or a line break) is quoted; a CSV writer looks at every
sign of every text, which costs more than all the rest of writing them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from madang.ingest.errors import FileRefused

BETWEEN, QUOTE = "\x1f", "\x1e"
LONGEST = 8_000_000  # signs of one row: 32 MB at most, which DuckDB takes below
#: What `read_csv` is to be told, besides the columns. An empty text is null.
LAYOUT = (
    f"header = false, delim = '{BETWEEN}', quote = '{QUOTE}', escape = '{QUOTE}', "
    "auto_detect = false, new_line = '\\n', max_line_size = 33554432"
)


class RowLines:
    """The checked rows of one file, in the folder `folder`. `most` bounds how many signs they are.

    Adding raises FileRefused where a row is longer than LONGEST, or all are more than `most`.
    """

    def __init__(self, folder: Path, most: int | None = None) -> None:
        self.path = folder / "rows.csv"
        self._most = most
        self._size = 0
        self._target: TextIO | None = None

    def add(self, columns: list[list[str | None]], sheet: str | None, rows: list[int]) -> None:
        """Keep some rows: texts by column, in the order of the table's columns, and row numbers."""
        if self._target is None:
            self._target = self.path.open("w", encoding="utf-8", newline="")
        lines = lines_of([*columns, [sheet] * len(rows), list(map(str, rows))])
        if len(lines) > LONGEST:
            for number, texts in zip(rows, zip(*columns, strict=True), strict=True):
                if sum(len(text or "") for text in texts) > LONGEST:
                    raise FileRefused(
                        f"Row {number:,} holds more than {LONGEST:,} signs, which is the limit.",
                        fix="Delete what is no value of a table from that row.",
                    )
        self._size += len(lines)
        if self._most and self._size > self._most:
            raise FileRefused(
                f"The file holds more than {self._most >> 20:,} MB of text, which is the limit for "
                "a file so small.",
                fix="Ask who sent it. If the file is good, save it as CSV (UTF-8).",
            )
        self._target.write(lines)

    def close(self) -> None:
        """Write out what is left."""
        if self._target:
            self._target.close()


def line_of(texts: Sequence[str]) -> str:
    """One line, without its end."""
    line = BETWEEN.join(texts)
    return line if _is_plain(line, 1, len(texts)) else BETWEEN.join(map(_quoted, texts))


def lines_of(columns: Sequence[Sequence[str | None]]) -> str:
    """Lines with their ends, of columns of one length."""
    filled = [column if all(column) else [text or "" for text in column] for column in columns]
    lines = "\n".join(map(BETWEEN.join, zip(*filled, strict=True)))
    if not _is_plain(lines, len(filled[0]), len(filled)):
        lines = "\n".join(map(line_of, zip(*filled, strict=True)))
    return lines + "\n" if filled[0] else ""


def _is_plain(lines: str, rows: int, columns: int) -> bool:
    """Whether every sign that DuckDB would see in these lines was put there."""
    return (
        lines.count(BETWEEN) == rows * (columns - 1)
        and lines.count("\n") == rows - 1
        and "\r" not in lines
        and QUOTE not in lines
    )


def _quoted(text: str) -> str:
    return f"{QUOTE}{text.replace(QUOTE, QUOTE + QUOTE)}{QUOTE}" if text else ""
