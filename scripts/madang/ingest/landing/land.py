"""Lands checked rows in the raw layer, once a file: the rows first, then the ledger of files.

A file's rows arrive in one statement and carry its SHA-256, so the raw table itself knows which
files it holds. The ledger `_files` follows; a crash between the two is healed by the next load,
which counts the rows of such a file again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import duckdb

from madang import scratch
from madang.ingest.errors import FileRefused
from madang.ingest.landing.ledger_clock import wall_clock
from madang.ingest.landing.spool_lines import LAYOUT, RowLines
from madang.ingest.tables import SourceTable
from madang.storage import storage_error
from madang.warehouse import Warehouse
from madang.warehouse.dialects import DUCKDB

LEDGER = "_files"
LEDGER_COLUMNS = {
    "source": "varchar",
    "file": "varchar",
    "sha256": "varchar",
    "sheet": "varchar",
    "rows": "bigint",
    "loaded": "bigint",
    "rejected": "bigint",
    "rejects_file": "varchar",
    "loaded_at": "timestamp",
    "clock_at": "timestamp",
    "ignored_columns": "varchar",
}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One sheet of one landed file. `loaded_at` is in the order of the loads; `clock_at` is what
    the clock said; `ignored_columns` are headers without a mapping, as JSON.
    """

    source: str
    file: str
    sha256: str
    sheet: str | None
    rows: int
    loaded: int
    rejected: int | None
    rejects_file: str | None
    loaded_at: datetime
    clock_at: datetime | None = field(default_factory=wall_clock)
    ignored_columns: str | None = None


class Spool:
    """Rows of one file in a scratch folder until all of it is checked.

    They are in `lines`, which another process may have written, or in `connection`.
    """

    def __init__(self, table: SourceTable, folder: Path) -> None:
        self._columns = [column.name for column in table.columns]
        self._database: duckdb.DuckDBPyConnection | None = None
        self._queries: list[str] = []
        self.folder = folder
        self.lines = RowLines(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lines.close()
        if self._database:
            self._database.close()

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB of this file's own, in bounded memory, for `take`."""
        if self._database is None:
            self._database = scratch.database(self.folder, threads=2, memory_limit="1GB")
        return self._database

    def take(self, query: str) -> None:
        """Keep the rows of a query on `connection`: the table's columns, `_sheet` and `_row`."""
        self._queries.append(query)

    def to_parquet(self, file: str, sha256: str, loaded_at: datetime) -> Path:
        """Write the rows as Parquet with where they came from."""
        self.lines.close()
        columns = {**dict.fromkeys([*self._columns, "_sheet"], "varchar"), "_row": "bigint"}
        names = ", ".join(f'"{name}"' for name in self._columns)
        csv = self.lines.path
        parquet = csv.with_suffix(".parquet")
        queries = list(self._queries)
        if not csv.exists() and not queries:
            csv.touch()
        if csv.exists():
            queries.append(
                f"""
                select * from read_csv('{escaped(csv)}', columns = {columns!r}, {LAYOUT})
                """
            )
        with quiet_about_values():
            self.connection().execute(
                f"""
                copy (
                    select {names}, '{escaped(file)}'::varchar as _file, _sheet, _row,
                        '{sha256}'::varchar as _sha256,
                        '{naive(loaded_at).isoformat(sep=" ")}'::timestamp as _loaded_at
                    from ({" union all by name ".join(queries)})
                ) to '{escaped(parquet)}' (format parquet, compression lz4_raw)
                """
            )
        return parquet


@contextmanager
def quiet_about_values() -> Iterator[None]:
    """DuckDB's messages about a CSV quote its lines; such a message must not go on.

    Raises StorageError where nothing can be written, else FileRefused: others may go through.
    """
    try:
        yield
    except duckdb.Error as error:
        if storage := storage_error(error):
            raise storage from None
        raise FileRefused(
            f"The checked rows could not be written as Parquet ({type(error).__name__}).",
            fix="Split the file and load the parts; report it if one of them is refused, too.",
        ) from None


def files_in(
    warehouse: Warehouse, table: SourceTable
) -> tuple[dict[str, LedgerRow], dict[str, LedgerRow]]:
    """Return the files whose rows the raw table holds, by SHA-256; and those of them that the
    ledger misses, because a load was cut off: of these only the rows that landed are known.
    """
    if not warehouse.exists("raw", table.identifier):
        return {}, {}
    rows = warehouse.fetch(
        f"""
        select _sha256 as sha256, min(_file) as file, count(*) as loaded,
            min(_loaded_at) as loaded_at
        from {warehouse.relation("raw", table.identifier)}
        where _sha256 is not null
        group by _sha256
        """
    )
    known = {row["sha256"]: row for row in _ledger(warehouse, table)}
    found = {}
    for row in rows:
        entry = known.get(row["sha256"])
        found[row["sha256"]] = LedgerRow(
            source=table.label,
            file=row["file"],
            sha256=row["sha256"],
            sheet=None,
            rows=row["loaded"],
            loaded=row["loaded"],
            rejected=entry["rejected"] if entry else None,
            rejects_file=entry["rejects_file"] if entry else None,
            loaded_at=row["loaded_at"],
            clock_at=None,
        )
    return found, {sha256: entry for sha256, entry in found.items() if sha256 not in known}


def record(warehouse: Warehouse, entries: Sequence[LedgerRow]) -> None:
    """Enter landed files in the ledger."""
    if not entries:
        return
    rows = [
        tuple(naive(v) if isinstance(v, datetime) else v for v in asdict(entry).values())
        for entry in entries
    ]
    add_rows(warehouse, LEDGER, LEDGER_COLUMNS, rows)


def clock_at(warehouse: Warehouse) -> str:
    """Return what the clock said of a row of the ledger, here `files`; before it was written down,
    the moment in the ledger.
    """
    there = warehouse.columns("raw").get(LEDGER, ())
    return "coalesce(files.clock_at, files.loaded_at)" if "clock_at" in there else "files.loaded_at"


def add_rows(
    warehouse: Warehouse, table: str, columns: Mapping[str, str], rows: Sequence[tuple]
) -> None:
    """Add a few rows to a table of the raw layer; `columns` are DuckDB types by name, in order."""
    with scratch.folder(warehouse.scratch) as folder:
        parquet = _parquet_of(rows, columns, folder / f"{table}.parquet")
        warehouse.append("raw", table, parquet)


def _parquet_of(rows: Sequence[tuple], columns: Mapping[str, str], target: Path) -> Path:
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    with scratch.database(target.parent, threads=1) as connection:
        connection.execute(f"create table files ({declared})")
        for first in range(0, len(rows), 1_000):
            some = (", ".join(map(_literal, row)) for row in rows[first : first + 1_000])
            values = ", ".join(f"({row})" for row in some)
            connection.execute(f"insert into files values {values}")
        connection.execute(f"copy files to '{escaped(target)}' (format parquet)")
    return target


def _ledger(warehouse: Warehouse, table: SourceTable) -> list[dict[str, Any]]:
    if not warehouse.exists("raw", LEDGER):
        return []
    return warehouse.fetch(
        f"""
        select sha256, sum(rejected) as rejected, max(rejects_file) as rejects_file
        from {warehouse.relation("raw", LEDGER)}
        where source = {warehouse.dialect.literal(table.label)}
        group by sha256
        """
    )


def _literal(value: Any) -> str:
    """SQL without parameters, which make DuckDB import pandas where it is installed."""
    if value is None:
        return "null"
    return str(value) if isinstance(value, int) else DUCKDB.literal(str(value))


def naive(moment: datetime) -> datetime:
    """UTC without its mark, which is how timestamps are stored."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def escaped(path: Path | str) -> str:
    return str(path).replace("'", "''")
