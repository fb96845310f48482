"""Lands rows that were pulled: as a file, through the same door as any file.

A part of a result is written as a CSV with the columns' names, checked and landed by
`ingest.one_file`: types, rejects, national id numbers and provenance are those of files.
"""

import csv
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from madang.ingest.checks.columns import ColumnCheck
from madang.ingest.tables import SourceTable
from madang.pull.objects import CHANGED_AT, Chosen
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse

PREFIX = "pulled-"
BATCH_ROWS = 10_000


class Known:
    """Rows that earlier pulls landed, so that what comes again does not land again: by an overlap,
    or after a pull that was cut off before its bookmark moved.

    The whole row counts, not the moment of change alone: that one has whole seconds, and a record
    may change twice in one. A hash of each is kept: 160 MB for two million rows.
    """

    def __init__(
        self, settings: Settings, table: SourceTable, chosen: Chosen, folder: Path
    ) -> None:
        zone = ZoneInfo(settings.timezone)
        columns = {column.name: column for column in table.columns}
        self._table = table
        self._columns = [field.column for field in chosen.fields]
        self._checks = [ColumnCheck(columns[name], zone) for name in self._columns]
        self._rows: set[bytes] = set()
        self._folder = folder

    def read(self, warehouse: Warehouse, since: datetime | None) -> None:
        """Take in the rows that landed with a moment of change at or after `since`, or all."""
        there = warehouse.columns("raw").get(self._table.identifier)
        if not there:
            return
        relation = warehouse.relation("raw", self._table.identifier)
        dialect = warehouse.dialect
        told = [
            f"{dialect.quoted(name) if name in there else 'cast(null as string)'} as c{place}"
            for place, name in enumerate(self._columns)
        ]
        sql = f"select {', '.join(told)} from {relation}"
        sql += f" where _file like {dialect.literal(f'{PREFIX}%')}"
        if since:  # what was pulled has its moments as texts of one form, in UTC
            moment = dialect.literal(f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}")
            sql += f" and {CHANGED_AT} >= {moment}"
        path = self._folder / "known.parquet"
        warehouse.export(sql, path)
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                columns = (column.to_pylist() for column in batch.columns)
                self._rows.update(map(_digest, zip(*columns, strict=True)))
        path.unlink()

    def has(self, row: list[str]) -> bool:
        """Whether this row is in already, as the checks would land it."""
        if not self._rows:
            return False
        checks = zip(self._checks, row, strict=True)
        return _digest(tuple(check.outcomes([cell])[0][0] for check, cell in checks)) in self._rows


def _digest(texts: tuple[str | None, ...]) -> bytes:
    return hashlib.blake2b(repr(texts).encode(), digest_size=16).digest()


def spool(rows: Iterable[list[str]], chosen: Chosen, known: Known, path: Path) -> tuple[int, int]:
    """Write rows that are not known as a CSV; return how many came and how many were written."""
    came = written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n").writerow
        write([field.column for field in chosen.fields])
        for row in rows:
            came += 1
            if not known.has(row):
                write(row)
                written += 1
    return came, written


def file_name(chosen: Chosen, asked: datetime, part: int) -> str:
    """What `_file` says: which object, asked when (UTC), which part of the result."""
    return f"{PREFIX}{chosen.object.lower()}-{asked:%Y%m%dT%H%M%SZ}-{part:04d}.csv"
