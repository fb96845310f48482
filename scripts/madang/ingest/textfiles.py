"""Reads CSV, TSV and JSON: the encoding and the delimiter are found, not asked for."""

import codecs
import csv
import io
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from madang.ingest.cells import Cell
from madang.ingest.errors import FileRefused

DELIMITERS = (",", "\t", ";", "|")
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LOOK_AT = 50  # rows to find the delimiter in
csv.field_size_limit(16 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line or element that should be a JSON object and is none."""

    text: str


def decoded(data: bytes) -> str:
    """Decode text: by its byte order mark, else UTF-16 without one, UTF-8, CP949.

    CP949 is what Excel writes as CSV on Korean Windows; it contains EUC-KR.
    """
    encodings = [name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)]
    if not encodings:
        head = data[:4000]
        if head.count(0) > len(head) // 4:
            encodings = ["utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"]
        else:
            encodings = ["utf-8", "cp949"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused(
        f"The text is not in a known encoding (tried {', '.join(encodings)}).",
        fix="In Excel choose Save As, 'CSV UTF-8 (comma delimited)'.",
    )


def read_delimited(data: bytes, is_header: Callable[[str], bool]) -> Iterator[tuple[int, list]]:
    """Return the rows of a CSV or TSV file, numbered as Excel would show them."""
    text = decoded(data)
    return enumerate(_records(text, _delimiter(text, is_header)), start=1)


def _delimiter(text: str, is_header: Callable[[str], bool]) -> str:
    """The delimiter that brings out the most known headers in one row; a comma at a tie."""

    def most_headers(delimiter: str) -> int:
        try:
            rows = list(itertools.islice(_records(text, delimiter), LOOK_AT))
        except FileRefused:
            return 0
        return max((sum(map(is_header, row)) for row in rows), default=0)

    return max(DELIMITERS, key=most_headers)


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileRefused(
                f"A value's quotes do not match, near line {reader.line_num}.",
                fix="Save the file from Excel again, or put every quote inside a value twice.",
            ) from error


def read_json_lines(data: bytes) -> Iterator[tuple[int, list[Cell] | BadLine]]:
    """Return one row a line, under a header row of the keys. Broken lines are problems."""
    records: list[tuple[int, Any]] = []
    for number, line in enumerate(decoded(data).split("\n"), start=1):
        if line.strip():
            try:
                records.append((number, json.loads(line)))
            except ValueError:
                records.append((number, BadLine(line.strip())))
    if all(not isinstance(record, dict) for _, record in records):
        raise FileRefused(
            "No line of the file is a JSON object.", fix='Write one object a line: {"id": "A1"}.'
        )
    return _as_rows(records)


def read_json(data: bytes) -> Iterator[tuple[int, list[Cell] | BadLine]]:
    """Return one row an element of a JSON list (or of one object), under a header row."""
    try:
        document = json.loads(decoded(data))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # one object a line, in a file called .json
            return read_json_lines(data)
        raise FileRefused(
            f"The file is not valid JSON (line {error.lineno}, column {error.colno}).",
            fix="Export it again.",
        ) from error
    if isinstance(document, dict):
        document = [document]
    if not isinstance(document, list) or not document:
        raise FileRefused(
            "The file is not a list of JSON objects, or the list is empty.",
            fix='Write [{"id": "A1"}, {"id": "A2"}].',
        )
    return _as_rows(list(enumerate(document, start=1)))


def _as_rows(records: list[tuple[int, Any]]) -> Iterator[tuple[int, list[Cell] | BadLine]]:
    """Turn objects into rows under one header row (number 0) of all their keys."""
    keys = list(
        dict.fromkeys(key for _, record in records if isinstance(record, dict) for key in record)
    )
    yield 0, list(keys)
    for number, record in records:
        if isinstance(record, dict):
            yield number, [_scalar(record.get(key)) for key in keys]
        else:
            yield number, record if isinstance(record, BadLine) else BadLine(json.dumps(record))


def _scalar(value: Any) -> Cell:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):  # JSON can name half a character (\ud800), which no table can hold
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
