"""Reads JSON: a list, one object, or one object a line; an element at a time."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from madang.ingest.checks.problems import LINE_TOO_LONG, NUMBER_TOO_LONG, BadLine
from madang.ingest.errors import FileRefused
from madang.ingest.landing.spool_lines import LONGEST
from madang.ingest.readers.cells import Cell
from madang.ingest.readers.encodings import encoding_of

IN_MEMORY = 16 * 2**20  # bytes of a file whose objects are kept between the two readings
CHUNK = 2**20
MOST_KEYS = 2_000
SPACE = " \t\r\n"
NO_SPACE = re.compile(f"[^{SPACE}]")

Record = tuple[int, Any]
Rows = Iterator[tuple[int, list[Cell] | BadLine]]
SHOWN = 1_000  # signs of a line that is handed back
# Reads whole numbers of any length, as texts; Python reads 4,300 digits.
STRICT = json.JSONDecoder()
LENIENT = json.JSONDecoder(parse_int=str)
DEEP = FileRefused("The JSON is nested too deeply.", fix="Export it again, one flat object a row.")


def read_json_lines(path: Path) -> Rows:
    """Return one row a line, under a header row of the keys. Broken lines are problems."""
    encoding = encoding_of(path)
    rows = _as_rows(path, lambda: _lines(path, encoding))
    if rows is None:
        raise FileRefused(
            "No line of the file is a JSON object.", fix='Write one object a line: {"id": "A1"}.'
        )
    return rows


def read_json(path: Path) -> Rows:
    """Return one row an element of a JSON list (or of one object), under a header row."""
    encoding = encoding_of(path)
    with path.open(encoding=encoding) as file:
        chunks = iter(lambda: file.read(CHUNK), "")
        signs = (found[0] for chunk in chunks if (found := NO_SPACE.search(chunk)))
        first = next(signs, "")
    if first == "{" and _is_json_lines(path, encoding):
        return read_json_lines(path)
    rows = _as_rows(path, lambda: _elements(path, encoding, first)) if first in "[{" else None
    if rows is None:
        raise FileRefused(
            "The file is not a list of JSON objects, or the list is empty.",
            fix='Write [{"id": "A1"}, {"id": "A2"}].',
        )
    return rows


def _lines(path: Path, encoding: str) -> Iterator[Record]:
    with path.open(encoding=encoding, newline="") as file:
        number = 0
        while line := file.readline(LONGEST):
            number += 1
            if len(line) == LONGEST and not line.endswith("\n"):
                yield number, BadLine(line[:SHOWN], LINE_TOO_LONG)
                while (rest := file.readline(LONGEST)) and not rest.endswith("\n"):
                    pass
            elif line.strip():
                try:
                    yield number, json.loads(line)
                except (json.JSONDecodeError, RecursionError):
                    yield number, BadLine(line[:SHOWN].strip())
                except ValueError:
                    yield number, BadLine(line[:SHOWN].strip(), NUMBER_TOO_LONG)


def _is_json_lines(path: Path, encoding: str) -> bool:
    """Whether the first line is an object of its own, and another follows."""
    with path.open(encoding=encoding) as file:
        filled = (line for line in iter(lambda: file.readline(LONGEST), "") if line.strip())
        first, second = next(filled, ""), next(filled, "")
    try:
        return bool(second) and isinstance(LENIENT.decode(first), dict)
    except (ValueError, RecursionError):
        return False


def _elements(path: Path, encoding: str, first: str) -> Iterator[Record]:
    """Yield the elements of a list with their numbers, or the one object that the file is."""
    with path.open(encoding=encoding) as file:
        text = _Text(file)
        if first == "{":
            yield 1, text.value()
        else:
            text.expect("[")
            for number in itertools.count(1):
                if number == 1 and text.skip("]"):
                    break
                yield number, text.value()
                if not text.skip(","):
                    text.expect("]")
                    break
        text.expect("")


class _Text:
    """A JSON text of which only the part at hand is in memory."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._buffer, self._at = "", 0
        self._line, self._column = 1, 1

    def value(self) -> Any:
        """Return the next value; a BadLine where it holds a number that is too long.

        Raises FileRefused for one that is broken or too deep.
        """
        self._peek()
        decoder, wanted = STRICT, CHUNK
        while True:
            try:
                found, end = decoder.raw_decode(self._buffer, self._at)
                if end < len(self._buffer) or not self._more(CHUNK):
                    if decoder is LENIENT:
                        shown = self._buffer[self._at : min(end, self._at + SHOWN)]
                        found = BadLine(shown, NUMBER_TOO_LONG)
                    self._take(end)
                    return found
            except RecursionError as error:
                raise DEEP from error
            except json.JSONDecodeError as error:
                if len(self._buffer) - self._at > LONGEST:
                    raise self._broken(
                        f" One element has more than {LONGEST:,} signs, which is the limit."
                    ) from error
                if not self._more(wanted):
                    self._take(min(error.pos, len(self._buffer)))
                    raise self._broken() from error
                wanted *= 2
            except ValueError:
                decoder = LENIENT

    def skip(self, sign: str) -> bool:
        """Take a sign when it is the next one."""
        if self._peek() != sign:
            return False
        self._take(self._at + 1)
        return True

    def expect(self, sign: str) -> None:
        """Take a sign, or the end of the text (''). Raises FileRefused when another is there."""
        if self._peek() != sign:
            raise self._broken()
        if sign:
            self._take(self._at + 1)

    def _peek(self) -> str:
        while True:
            found = NO_SPACE.search(self._buffer, self._at)
            self._take(found.start() if found else len(self._buffer))
            if found:
                return found[0]
            if not self._more(CHUNK):
                return ""

    def _more(self, size: int) -> bool:
        read = self._file.read(size)
        self._buffer = self._buffer[self._at :] + read
        self._at = 0
        return bool(read)

    def _take(self, end: int) -> None:
        lines = self._buffer.count("\n", self._at, end)
        if lines:
            self._line += lines
            self._column = end - self._buffer.rfind("\n", self._at, end)
        else:
            self._column += end - self._at
        self._at = end

    def _broken(self, why: str = "") -> FileRefused:
        return FileRefused(
            f"The file is not valid JSON (line {self._line}, column {self._column}).{why}",
            fix="Export it again.",
        )


def _as_rows(path: Path, records: Callable[[], Iterator[Record]]) -> Rows | None:
    """Turn objects into rows under one header row (number 0) of all their keys.

    The records are read twice, keys first; None where none of them is an object.
    """
    kept = list(records()) if path.stat().st_size <= IN_MEMORY else None
    keys: dict[str, None] = {}
    problem = None
    for _, record in kept if kept is not None else records():
        if isinstance(record, dict):
            keys.update(dict.fromkeys(record))
        elif isinstance(record, BadLine):
            problem = record.problem
        if len(keys) > MOST_KEYS:
            raise FileRefused(
                f"The objects have more than {MOST_KEYS:,} different keys, which is the limit.",
                fix="Export the same keys in each object, a column of the table each.",
            )
    if not keys and problem:
        raise FileRefused(problem.english, fix=problem.fix_en)
    if not keys:
        return None
    return _rows(list(keys), iter(kept) if kept is not None else records())


def _rows(keys: list[str], records: Iterator[Record]) -> Rows:
    yield 0, list(map(_unbroken, keys))
    for number, record in records:
        if isinstance(record, dict):
            yield number, [_scalar(record.get(key)) for key in keys]
        elif isinstance(record, BadLine):
            yield number, record
        else:
            yield number, BadLine(_unbroken(_written(record))[:SHOWN])


def _scalar(value: Any) -> Cell:
    if isinstance(value, dict | list):
        value = _written(value)
    return _unbroken(value) if isinstance(value, str) else value


def _unbroken(text: str) -> str:
    """JSON can name half a character (\\ud800), which no table and no file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _written(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError as error:
        raise DEEP from error
