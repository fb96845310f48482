"""Gives back the space in which deleted rows still stand: files of DuckDB and SQLite, made anew.

Neither DuckDB's CHECKPOINT nor its VACUUM overwrites blocks that were freed, so the database is
copied into a new file, which takes the old one's place by one rename. BigQuery keeps deleted rows
for its time travel (2 to 7 days, by the data set) and then 7 days for Google's own recovery:
cloud.google.com/bigquery/docs/time-travel.
"""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import duckdb

from madang.settings.workspace import Settings
from madang.sync.journal import locked
from madang.warehouse import WarehouseError
from madang.warehouse.dialects import DUCKDB
from madang.warehouse.duckdb import STORAGE, first_line, open_error, spill_folder


def rewrite_warehouse(settings: Settings) -> bool:
    """Copy the warehouse into a new file without the space of deleted rows; False on BigQuery.

    Nobody else may have the file open. Needs as much free space as the tables take. Raises
    WarehouseError; the old file is whole until the rename.
    """
    if settings.warehouse.type != "duckdb":
        return False
    path = settings.warehouse.path
    part = path.with_name(f"{path.name}.part")
    _remove(part)
    config: dict[str, Any] = {
        "threads": settings.warehouse.threads,
        "temp_directory": spill_folder(settings),
    }
    if settings.warehouse.memory_limit:
        config["memory_limit"] = settings.warehouse.memory_limit
    text = DUCKDB.literal
    # views name the database as dbt does: by the file
    old, new = DUCKDB.quoted(path.stem), DUCKDB.quoted(f"{path.stem} anew")
    try:
        with duckdb.connect(config=config) as connection:
            connection.execute(f"attach {text(str(path))} as {old}")
            connection.execute(f"checkpoint {old}")
            connection.execute(
                f"attach {text(str(part))} as {new} (storage_version {text(STORAGE)})"
            )
            connection.execute(f"copy from database {old} to {new}")
            connection.execute(f"checkpoint {new}")
    except duckdb.Error as error:
        _remove(part)
        if "lock" in str(error).lower():
            raise open_error(error, path) from error
        raise WarehouseError(
            f"The warehouse could not be copied: {first_line(error)}",
            where=str(part),
            fix="It needs as much free space as the warehouse has. Then 'madang erase' again.",
        ) from error
    shutil.copymode(path, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    for wal in (path, part):
        wal.with_name(f"{wal.name}.wal").unlink(missing_ok=True)
    return True


def rewrite_journal(settings: Settings) -> None:
    """Make the journal of the syncs anew, without what stood in deleted rows."""
    path = settings.paths.journal
    if not path.exists():
        return
    with locked(path), contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("vacuum")
        connection.execute("pragma wal_checkpoint(truncate)").fetchall()


def _remove(part: Path) -> None:
    for one in (part, part.with_name(f"{part.name}.wal")):
        one.unlink(missing_ok=True)
