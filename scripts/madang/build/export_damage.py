"""Finds the files of the GA4 export that turn out broken only while they are being read."""

import gzip
import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from madang import scratch
from madang.demo.ga4 import columns
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

#: What a problem of this kind begins with: it is kept as long as the file stays as it is.
UNREADABLE = "cannot be read to its end"
#: The models that read files, and the inventories that say which.
READERS = {"base_ga4__events": "base_ga4__shards", "base_ga4__users": "base_ga4__user_shards"}


def known_damage(settings: Settings) -> dict[Path, str]:
    """Return the files that an earlier build could not read and that have not changed since."""
    found: dict[Path, str] = {}
    for shard in _shards(settings, "problem is not null"):
        paths = [Path(text) for text in shard["location"].split("\n")]
        if not all(path.is_file() for path in paths):
            continue
        sizes = [path.stat() for path in paths]
        changed = datetime.fromtimestamp(max(int(one.st_mtime) for one in sizes), UTC)
        if sum(one.st_size for one in sizes) != shard["bytes"] or changed.replace(
            tzinfo=None
        ) != shard["modified_at"].replace(microsecond=0):
            continue
        for path in paths:
            problem = shard["problem"].removeprefix(f"{path.name}: ")
            if problem.startswith(UNREADABLE) and (len(paths) == 1 or problem != shard["problem"]):
                found[path] = problem
    return found


def new_damage(
    settings: Settings, failed: frozenset[str], known: Mapping[Path, str]
) -> dict[Path, str]:
    """Return the files that made a build fail, with what is wrong. Reads what was to be read.

    `failed` are the models that failed; where none of them reads files there is nothing to find.
    """
    if settings.warehouse.type != "duckdb":
        return {}
    found: dict[Path, str] = {}
    threads = settings.warehouse.threads
    with (
        scratch.folder(settings.paths.scratch) as folder,
        scratch.database(folder, threads=threads) as connection,
    ):
        for model in failed & READERS.keys():
            for shard in _shards(settings, "problem is null", READERS[model], unread_by=model):
                for path in map(Path, shard["location"].split("\n")):
                    if path not in known and (problem := _problem(connection, path)):
                        found[path] = problem
    return found


def _shards(
    settings: Settings, condition: str, table: str | None = None, unread_by: str | None = None
) -> list[dict]:
    """Rows of the inventories; with `unread_by`, of days that this model has not built so."""
    if settings.warehouse.type != "duckdb" or not settings.warehouse.path.is_file():
        return []
    rows = []
    with open_warehouse(settings, read_only=True) as warehouse:
        if unread_by == "base_ga4__events" and warehouse.exists("ledger", "ga4_built_days"):
            condition += f""" and is_chosen and not exists (
                select 1 from {warehouse.relation("ledger", "ga4_built_days")} as built
                where built.model = '{unread_by}' and built.property_id = shard.property_id
                    and built.event_date = shard.event_date
                    and built.fingerprint = shard.fingerprint
            )"""
        for name in (table,) if table else sorted({*READERS.values()}):
            if warehouse.exists("staging", name):
                rows += warehouse.fetch(
                    f"""
                    select location, bytes, modified_at, problem
                    from {warehouse.relation("staging", name)} as shard
                    where {condition} order by location"""
                )
    return rows


def _problem(connection: duckdb.DuckDBPyConnection, path: Path) -> str | None:
    """Read a file whole, as the models do; None where that works."""
    error = _error(connection, path)
    if error is None:
        return None
    bad = [name for name in _types(path) if _error(connection, path, name)]
    kind = type(error).__name__.removesuffix("Exception")
    told = [] if path.suffix == ".parquet" else _bad_line(path)
    # More columns than one: it is not the values of a column that are wrong.
    told += [f"column {bad[0]}"] if len(bad) == 1 else []
    return f"{UNREADABLE} ({', '.join([*told, kind])})"  # no value of the file: it may be personal


def _bad_line(path: Path) -> list[str]:
    """The first line that is no JSON. DuckDB's own count of lines is off by one, or by more."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    json.loads(line)
                except ValueError:
                    return [f"line {number} is no JSON"]
    except (OSError, EOFError, zlib.error):
        return ["cut off"]
    return []


def _error(
    connection: duckdb.DuckDBPyConnection, path: Path, only: str | None = None
) -> duckdb.Error | None:
    types = _types(path)
    if path.suffix == ".parquet":
        reader = "read_parquet(?)"
        there = {
            row[0] for row in connection.execute(f"describe from {reader}", [str(path)]).fetchall()
        }
        typed = {name: kind for name, kind in types.items() if name in there}
    elif types:
        listed = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
        reader = f"read_json(?, format = 'newline_delimited', columns = {{{listed}}})"
        typed = types
    else:
        reader, typed = "read_json_objects(?, format = 'newline_delimited')", {}
    chosen = {only: typed[only]} if only in typed else ({} if only else typed)
    if only and not chosen:
        return None
    casts = ", ".join(f'cast("{name}" as {kind})' for name, kind in chosen.items()) or "rows"
    try:
        connection.execute(f"select bit_xor(hash({casts})) from {reader} as rows", [str(path)])
        connection.fetchall()
    except duckdb.Error as error:
        return error
    return None


def _types(path: Path) -> dict[str, str]:
    return columns() if path.name.startswith("events_") else {}
