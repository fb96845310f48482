"""Says who is gone: the keys of the last snapshot that a new one lacks."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from madang import private, scratch
from madang.ingest.landing.land import quiet_about_values
from madang.ingest.landing.rejects import MARK, free_path, safe
from madang.ingest.tables import SourceTable
from madang.warehouse import Warehouse
from madang.warehouse.dialects import DUCKDB


@dataclass(frozen=True)
class LastSnapshot:
    """The newest snapshot that is loaded: how many keys it has, and where it came from."""

    sha256: str
    file: str
    loaded_at: datetime
    keys: int


@dataclass(frozen=True)
class Gone:
    """How many keys of the last snapshot are missing, and the list of them."""

    before: LastSnapshot
    count: int
    file: Path | None


def last_snapshot(warehouse: Warehouse, table: SourceTable) -> LastSnapshot | None:
    """Return the newest loaded snapshot of a table, None where there is none."""
    if table.mode != "snapshot" or not warehouse.exists("raw", table.identifier):
        return None
    rows = warehouse.fetch(
        f"""
        select _sha256 as sha256, min(_file) as file, max(_loaded_at) as loaded_at
        from {warehouse.relation("raw", table.identifier)}
        where _sha256 is not null
        group by _sha256
        order by loaded_at desc
        limit 1
        """
    )
    if not rows:
        return None
    found = rows[0]
    keys = warehouse.fetch(
        f"select count(*) as n from ({_keys(warehouse, table, found['sha256'])})"
    )
    return LastSnapshot(found["sha256"], found["file"], found["loaded_at"], keys[0]["n"])


def find_gone(
    warehouse: Warehouse,
    table: SourceTable,
    before: LastSnapshot,
    parquet: Path,
    folder: Path,
    stem: str,
) -> Gone:
    """Compare the checked rows (`parquet`) with the last snapshot; list who is gone in `folder`.

    The list has the key columns alone and opens in Excel. It is written only when someone is gone.
    """
    keys_file = parquet.with_name("last-keys.parquet")
    warehouse.export(_keys(warehouse, table, before.sha256), keys_file)
    names = [DUCKDB.quoted(name) for name in table.key]
    same = " and ".join(f"old.{name} is not distinct from new.{name}" for name in names)
    listed = ", ".join(f"old.{name}" for name in names)
    with scratch.database(parquet.parent, threads=1) as connection, quiet_about_values():
        found = connection.execute(
            f"""
            select {listed} from read_parquet({DUCKDB.literal(str(keys_file))}) as old
            where not exists (
                select 1 from read_parquet({DUCKDB.literal(str(parquet))}) as new where {same}
            )
            order by {listed}
            """
        )
        first = found.fetchmany(10_000)
        if not first:
            return Gone(before, 0, None)
        return _listed(before, table.key, first, found, folder, stem)


def _listed(
    before: LastSnapshot,
    key: Sequence[str],
    rows: list[tuple],
    more: duckdb.DuckDBPyConnection,
    folder: Path,
    stem: str,
) -> Gone:
    private.folder(folder)
    path, count = free_path(folder, stem), 0
    with private.whole(path, newline="") as target:
        target.write(MARK)
        writer = csv.writer(target)
        writer.writerow(key)
        while rows:
            writer.writerows([safe(value or "") for value in row] for row in rows)
            count += len(rows)
            rows = more.fetchmany(10_000)
    return Gone(before, count, path)


def _keys(warehouse: Warehouse, table: SourceTable, sha256: str) -> str:
    """A query of the distinct keys of one file; the hash is hexadecimal, so it is safe in SQL."""
    names = ", ".join(warehouse.dialect.quoted(name) for name in table.key)
    relation = warehouse.relation("raw", table.identifier)
    return f"select distinct {names} from {relation} where _sha256 = '{sha256}'"
