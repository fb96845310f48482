"""Parquet files between warehouse and destination, read and written by a DuckDB in memory."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from madang import scratch as places
from madang.settings.workspace import Settings

MEMORY = "128MB"  # of a DuckDB while a run is made ready, sent and written down


@contextmanager
def scratch(
    settings: Settings, memory: str | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """Open an in-memory DuckDB that shares nothing with the warehouse, and a scratch folder.

    With `memory` it takes no more, and what does not fit spills; see `execute`.
    """
    with (
        places.folder(settings.paths.scratch) as folder,
        places.database(folder, threads=settings.warehouse.threads) as connection,
    ):
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set variable there_is = current_setting('memory_limit')")
        if memory:
            connection.execute(f"set memory_limit = {text(memory)}")
        yield connection, folder


def execute(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    """Run a statement; one that cannot do with little memory gets as much as there is."""
    try:
        return connection.execute(sql)
    except duckdb.OutOfMemoryException:
        ((there_is,),) = connection.execute("select getvariable('there_is')").fetchall()
        connection.execute(f"set memory_limit = {text(there_is)}")
        return connection.execute(sql)


def write(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    """Write a query's rows to Parquet, whole or not at all; return how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        copy = f"copy ({sql}) to {text(partial)} (format parquet, compression zstd)"
        count = execute(connection, copy).fetchall()[0][0]
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return int(count)


def load(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    table: str,
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, Any]],
) -> None:
    """Make a table of plain rows. `columns` maps names to SQL types; a row may lack some.

    They go by way of a file in `folder`.
    """
    declared = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in columns.items())
    path = folder / f"{table}.ndjson"
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str))
            file.write("\n")
    try:
        execute(
            connection,
            f"create table {table} as select * from read_json({text(path)}, "
            f"format = 'newline_delimited', columns = {{{declared}}})",
        )
    finally:
        path.unlink()


def sha256(path: Path) -> str:
    """Return the fingerprint of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text(value: object) -> str:
    """Quote a text value for SQL."""
    return "'" + str(value).replace("'", "''") + "'"
