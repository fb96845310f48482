"""Reads CSV and TSV line by line: the delimiter is found, a broken quote costs its row alone."""

import csv
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from madang.ingest.checks import problems
from madang.ingest.checks.problems import BadLine
from madang.ingest.landing.spool_lines import LONGEST
from madang.ingest.readers.encodings import encoding_of

DELIMITERS = (",", "\t", ";", "|")
LOOK_AT = 50  # rows to find the delimiter in
# A cell may hold so many lines; a quote that is open longer was never closed.
MOST_LINES = 1_000
LONGEST_LINE = LONGEST  # signs of a row, over all its lines
MOST_COLUMNS = 16_384  # as many as Excel has
SHOWN = 1_000  # signs of a line that is handed back
csv.field_size_limit(LONGEST_LINE)

Row = list[str] | BadLine


@dataclass(frozen=True)
class TextTable:
    """A CSV or TSV file: how it is written."""

    path: Path
    encoding: str
    delimiter: str

    def rows(self) -> Iterator[tuple[int, Row]]:
        """Yield the rows, numbered as Excel would show them. Memory does not grow with the file."""
        return enumerate(_records(self.path, self.encoding, self.delimiter), start=1)


def open_delimited(path: Path, is_header: Callable[[str], bool]) -> TextTable:
    """Find out how a file is written. Raises FileRefused for an unknown encoding."""
    encoding = encoding_of(path)
    return TextTable(path, encoding, delimiter_of(path, encoding, is_header))


def delimiter_of(path: Path, encoding: str, is_header: Callable[[str], bool]) -> str:
    """The delimiter that brings out the most known headers in one row; a comma at a tie."""

    def most_headers(delimiter: str) -> int:
        most = 0
        for row in itertools.islice(_records(path, encoding, delimiter), LOOK_AT):
            if not isinstance(row, BadLine):
                most = max(most, sum(map(is_header, row)))
            elif row.problem in (problems.LINE_TOO_LONG, problems.TOO_MANY_COLUMNS):
                break  # what follows such a line is no header, and takes long to find
        return most

    return max(DELIMITERS, key=most_headers)


class _NeverClosed(Exception):
    """A quote is open for more lines than a cell can have."""


class _TooLong(Exception):
    """A line is longer than LONGEST_LINE."""


class _Lines:
    """The lines of a file; those of the record at hand can be given back."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path = path
        self._encoding = encoding
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self._signs = 0  # of the lines taken
        self.number = 0  # of the last line that belongs to a finished record

    def read(self) -> Iterator[str]:
        """Yield every line of the file, with its ending; of one that is too long the beginning."""
        with self._path.open(encoding=self._encoding, newline="") as file:
            while line := file.readline(LONGEST_LINE):
                yield line
                rest = line
                while _is_cut(rest):
                    rest = file.readline(LONGEST_LINE)

    def feed(self, lines: Iterator[str]) -> Iterator[str]:
        """Yield the lines given back, then those of the file."""
        while True:
            if self._again:
                line = self._again.popleft()
            elif (line := next(lines, "")) == "":
                return
            self.taken.append(line)
            self._signs += len(line)
            if len(self.taken) > MOST_LINES or self._signs >= LONGEST_LINE:
                raise _TooLong if len(self.taken) == 1 else _NeverClosed
            yield line

    def finish(self) -> None:
        """The record at hand is whole."""
        self.number += len(self.taken)
        self._forget()

    def give_up(self) -> tuple[int, str]:
        """Give back all lines of the record but its first; return that one and its number."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self._forget()
        self.number += 1
        return self.number, first

    def _forget(self) -> None:
        self.taken.clear()
        self._signs = 0


def _is_cut(line: str) -> bool:
    """Whether a line goes on behind what was read of it."""
    return len(line) >= LONGEST_LINE and line[-1] not in "\r\n"


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    source = _Lines(path, encoding)
    lines = source.read()
    while True:
        reader = csv.reader(source.feed(lines), delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if len(row) > MOST_COLUMNS:
                    text = source.taken[0][:SHOWN]
                    source.finish()
                    yield BadLine(text, problems.TOO_MANY_COLUMNS)
                    continue
                source.finish()
                yield row
            return
        except _TooLong:
            _, text = source.give_up()
            yield BadLine(text[:SHOWN].strip(), problems.LINE_TOO_LONG)
        except (csv.Error, _NeverClosed):
            number, text = source.give_up()
            yield BadLine(text[:SHOWN].strip(), problems.broken_quotes(number))
