"""Lands rows that were pulled: as a file, through the same door as any file.

A part of a result is written as a CSV with the columns' names, checked and landed by
`ingest.one_file`: types, rejects, national id numbers and provenance are those of files.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from madang.config import Settings
from madang.ingest.columns import ColumnCheck
from madang.ingest.tables import SourceTable
from madang.pull.objects import CHANGED_AT, Chosen
from madang.warehouse import Warehouse

PREFIX = "pulled-"
ID = "id"


class Known:
    """Rows that earlier pulls landed, so that what an overlap brings again does not land again.

    The whole row counts, not the moment of change alone: that one has whole seconds, and a record
    may change twice in one.
    """

    def __init__(
        self, settings: Settings, warehouse: Warehouse, table: SourceTable, chosen: Chosen
    ) -> None:
        zone = ZoneInfo(settings.timezone)
        columns = {column.name: column for column in table.columns}
        self._table = table
        self._columns = [field.column for field in chosen.fields]
        self._id = self._columns.index(ID) if ID in self._columns else 0
        self._checks = [ColumnCheck(columns[name], zone) for name in self._columns]
        self._rows: dict[str, set[tuple]] = defaultdict(set)
        self._warehouse = warehouse

    def read(self, since: datetime | None) -> None:
        """Take in the rows that landed with a moment of change at or after `since`, or all."""
        if not self._warehouse.exists("raw", self._table.identifier):
            return
        relation = self._warehouse.relation("raw", self._table.identifier)
        literal = self._warehouse.dialect.literal
        sql = f"select * from {relation} where _file like {literal(f'{PREFIX}%')}"
        if since:  # what was pulled has its moments as texts of one form, in UTC
            sql += f" and {CHANGED_AT} >= {literal(f'{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}')}"
        for row in self._warehouse.fetch(sql):
            texts = tuple(row.get(name) for name in self._columns)
            self._rows[texts[self._id]].add(texts)

    def has(self, row: list[str]) -> bool:
        """Whether this row is in already, as the checks would land it."""
        there = self._rows.get(row[self._id])
        if not there:
            return False
        outcomes = [
            check.outcomes([cell])[0][0] for check, cell in zip(self._checks, row, strict=True)
        ]
        return tuple(outcomes) in there


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
