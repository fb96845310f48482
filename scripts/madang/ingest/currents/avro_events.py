"""Reads one Avro file of Braze Currents as rows of text; what it does not know it keeps as JSON.

Layout and delivery: https://www.braze.com/docs/user_guide/data/distribution/braze_currents/
event_delivery_semantics (prefix/event_type=…/date=<queue hour>/<schema id>/<zone>/….avro).
"""

import io
import json
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from operator import itemgetter
from typing import Any

import fastavro
from fastavro.schema import SchemaParseException

from madang.ingest.currents.lines import IN_PATH, OTHER
from madang.ingest.errors import FileRefused

#: What every event has; a file without them is something else.
ESSENTIAL = ("id", "time")
NUMBER = "(number)"
#: Braze's schemas are called `….dataexport.<store>.inner.<event type>`.
IN_SCHEMA = re.compile(r"(?:^|\.)inner\.(.+)$")
BROKEN = (EOFError, ValueError, KeyError, IndexError, TypeError, OverflowError, struct.error)
BROKEN += (zlib.error, SchemaParseException, OSError, MemoryError)

Row = tuple[Any, ...]


@dataclass
class Events:
    """The events of one file. Iterate `rows` once: (number in the file, *values of `names`).

    Values are texts, numbers or None, and True or False in the columns of `booleans`.

    `names` are the declared columns that the file's schema has, and `other_fields` where it has
    more than those; `unknown` are the latter. `without_id` is complete when `rows` is read.
    """

    event_type: str
    names: tuple[str, ...]
    booleans: tuple[str, ...]
    unknown: tuple[str, ...]
    rows: Iterator[Row]
    without_id: list[int] = field(default_factory=list)


def open_events(data: bytes, path: str, columns: Sequence[str]) -> Events:
    """Open a Currents file. `columns` are those that have a place of their own.

    Raises FileRefused when it is no Avro file of events; so does reading `rows` where the file is
    damaged or still being written, after the rows before that place.
    """
    try:
        reader = fastavro.reader(io.BytesIO(data))
        schema = reader.writer_schema
    except BROKEN as error:
        raise _damaged(error) from error
    fields = _fields(schema)
    if missing := [name for name in ESSENTIAL if name not in fields]:
        raise FileRefused(
            f"The Avro schema has no field {' and no field '.join(missing)}, which every event of "
            "Braze Currents has.",
            fix="Put only files that Braze Currents wrote into this folder.",
        )
    unknown = tuple(sorted(fields.keys() - set(columns)))
    known = tuple(name for name in columns if name in fields)
    names = (*known, OTHER) if unknown else known
    booleans = tuple(name for name in known if fields[name] == "boolean")
    events = Events(_event_type(path, schema), names, booleans, unknown, iter(()))
    changes = [(name, change) for name in known if (change := _change(fields[name]))]
    events.rows = _rows(reader, known, unknown, changes, events.without_id)
    return events


def _rows(
    reader: Any,
    known: tuple[str, ...],
    unknown: tuple[str, ...],
    changes: list[tuple[str, Callable[[Any], str | None]]],
    without_id: list[int],
) -> Iterator[Row]:
    values = itemgetter(NUMBER, *known, *((OTHER,) if unknown else ()))
    try:
        for number, record in enumerate(reader, start=1):
            if not record["id"]:
                without_id.append(number)
                continue
            record[NUMBER] = number
            for name, change in changes:
                if (value := record[name]) is not None:
                    record[name] = change(value)
            if unknown:
                kept = {name: record[name] for name in unknown if record[name] is not None}
                record[OTHER] = as_json(kept) if kept else None
            yield values(record)
    except BROKEN as error:
        raise _damaged(error) from error


def as_json(value: Any) -> str:
    """JSON as text, with what JSON lacks as text in it."""
    return _encoder().encode(value)


@cache
def _encoder() -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=_plain)


def float32_text(value: float) -> str | None:
    """The shortest text of a 32-bit float: 3.14, where Python would write 3.140000104904175.

    None for what is no number. Avro's `float` has 32 bits; beyond seven digits they are gone.
    """
    if not math.isfinite(value):
        return None
    for digits in range(6, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("<f", float(text)) == struct.pack("<f", value):
            break
    whole = float(text)
    return str(int(whole)) if whole.is_integer() and abs(whole) < 1e15 else repr(whole)


def _fields(schema: Any) -> dict[str, Any]:
    """The fields of a record schema and their types, without null."""
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return {}
    return {one["name"]: _without_null(one["type"]) for one in schema["fields"]}


def _without_null(kind: Any) -> Any:
    if isinstance(kind, list):
        left = [one for one in kind if one != "null"]
        return left[0] if len(left) == 1 else left
    return kind


def _change(kind: Any) -> Callable[[Any], str | None] | None:
    """What makes text of a value of this type, None where it can stay as it is."""
    if kind in ("string", "int", "long", "boolean"):
        return None
    if kind == "float":
        return float32_text
    if isinstance(kind, dict) and "logicalType" in kind:
        return _logical
    return _plain if kind in ("double", "bytes") else _structure


def _logical(value: Any) -> str:
    """A moment as seconds, like every `time` of Currents; else text."""
    return str(value.timestamp()) if isinstance(value, datetime) else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _structure(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)


def _event_type(path: str, schema: dict) -> str:
    """From the path, where the storage layout has it; else from the schema's name."""
    if found := IN_PATH.search(path):
        return found[1]
    space, name = schema.get("namespace"), str(schema.get("name"))
    full = f"{space}.{name}" if space and "." not in name else name
    inner = IN_SCHEMA.search(full)
    return inner[1] if inner else full


def _damaged(error: Exception) -> FileRefused:
    """The library's message may quote the file, so only its kind is told."""
    if "codec" in str(error) and isinstance(error, ValueError):
        return FileRefused(
            "The Avro file is compressed in a way that cannot be read here.",
            fix="Braze writes Currents uncompressed; copy its own files.",
        )
    return FileRefused(
        f"The Avro file is damaged or not complete ({type(error).__name__}).",
        fix="Copy it again from the storage; if it is still being written, load later.",
    )
