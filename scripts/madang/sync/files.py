"""Parquet files between warehouse and destination, read and written by a DuckDB in memory."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import duckdb


@contextmanager
def scratch(threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that shares nothing with the warehouse."""
    connection = duckdb.connect(config={"threads": threads})
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def write(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    """Write a query's rows to Parquet, whole or not at all; return how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        connection.execute(f"copy ({sql}) to {text(partial)} (format parquet, compression zstd)")
        count = connection.fetchall()[0][0]
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return int(count)


def load(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, Any]],
) -> None:
    """Make a table of plain rows. `columns` maps names to SQL types; a row may lack some."""
    declared = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in columns.items())
    with NamedTemporaryFile("w", suffix=".ndjson", encoding="utf-8", delete=False) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str))
            file.write("\n")
    try:
        connection.execute(
            f"create table {table} as select * from read_json({text(file.name)}, "
            f"format = 'newline_delimited', columns = {{{declared}}})"
        )
    finally:
        Path(file.name).unlink()


def sha256(path: Path) -> str:
    """Return the fingerprint of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text(value: object) -> str:
    """Quote a text value for SQL."""
    return "'" + str(value).replace("'", "''") + "'"
