"""Reads Parquet through DuckDB: a few thousand rows at a time, every column as a cell."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from madang.ingest.errors import FileRefused
from madang.ingest.readers.cells import Cell
from madang.warehouse.dialects import DUCKDB

BATCH = 5_000
# a few rows at a time: nothing is to be spilled, into the working folder by default
LIMITS = {"threads": 1, "memory_limit": "1GB", "temp_directory": ""}
DAMAGED = "The Parquet file is damaged, incomplete or encrypted."


def read_parquet(path: Path) -> Iterator[tuple[int, list[Cell]]]:
    """Return the rows under a header row (number 0), numbered from 1.

    Moments with a zone are read as UTC with their mark, nested values as JSON. Raises FileRefused
    for a file that cannot be read.
    """
    source = f"read_parquet({DUCKDB.literal(str(path))})"
    connection = duckdb.connect(config=LIMITS)
    try:
        columns = connection.execute(f"describe from {source}").fetchall()
    except duckdb.Error as error:
        connection.close()
        raise _damaged(error) from error
    return _rows(connection, source, [(name, kind) for name, kind, *_ in columns])


def _rows(
    connection: duckdb.DuckDBPyConnection, source: str, columns: list[tuple[str, str]]
) -> Iterator[tuple[int, list[Cell]]]:
    yield 0, [name for name, _ in columns]
    selected = ", ".join(_selected(name, kind) for name, kind in columns)
    try:
        with connection:
            result = connection.execute(f"select {selected} from {source}")
            number = 0
            while batch := result.fetchmany(BATCH):
                for row in batch:
                    number += 1
                    yield number, [_cell(value) for value in row]
    except duckdb.Error as error:
        raise _damaged(error) from error


def _selected(name: str, kind: str) -> str:
    column = DUCKDB.quoted(name)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({column}::timestamptz at time zone 'UTC', '%Y-%m-%d %H:%M:%S.%fZ')"
    if kind.startswith("TIMESTAMP"):
        return f"{column}::timestamp"
    if kind == "BLOB":
        return f"case when {column} is not null then 'binary' end"
    return column


def _cell(value: Any) -> Cell:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    if value is None or isinstance(value, Cell):
        return value
    return str(value)


def _damaged(error: duckdb.Error) -> Exception:
    """DuckDB's own words may quote the file, so they are not passed on."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return MemoryError()
    return FileRefused(DAMAGED, fix="Export it again, without encryption.")
