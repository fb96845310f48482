"""Reads a large CSV through DuckDB; what is not surely right is checked as in any other file.

The outcome is that of `check_rows`, row by row. A file that DuckDB's reader does not take as it is
(quotes that do not match, rows of uneven length, blank lines) is left to `check_rows` as a whole.
"""

import csv
import itertools
from collections.abc import Iterable, Iterator
from datetime import tzinfo

import duckdb

from madang.ingest.checks import plain_sql
from madang.ingest.checks.columns import ColumnCheck, national_id_refusal
from madang.ingest.checks.national_ids import is_national_id
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.rows import (
    DATA,
    START,
    PeekedSheet,
    Reject,
    Rejection,
    RowKinds,
    SheetResult,
)
from madang.ingest.header import Header
from madang.ingest.landing.land import Spool
from madang.ingest.readers.cells import as_text, cleaned
from madang.ingest.readers.csv_shape import as_utf8, is_regular, line_ending, read_raw
from madang.ingest.readers.delimited import LONGEST_LINE
from madang.ingest.tables import SourceTable
from madang.warehouse.dialects import DUCKDB

FROM_BYTES = 8 * 2**20  # smaller files are as fast in Python
MOST_SPECIAL = 100_000  # rows that only Python can tell; with more of them it takes all
FETCHED = 20_000


def check_fast(
    peeked: PeekedSheet,
    header: Header,
    table: SourceTable,
    zone: tzinfo,
    spool: Spool,
    reject: Reject,
) -> SheetResult | None:
    """Check a large CSV: good rows into the spool, each bad one to `reject`, in order.

    None where the file is small or not regular: nothing was kept then, and `check_rows` is to take
    it. Raises FileRefused for national id numbers.
    """
    text = peeked.sheet.text
    if text is None or text.path.stat().st_size < FROM_BYTES or not is_regular(peeked, header):
        return None
    path = as_utf8(text, spool.folder)
    ending = line_ending(path)
    if ending is None:
        return None
    connection = spool.connection()
    if not read_raw(connection, path, ending, text.delimiter, header):
        return None
    return _Check(connection, header, table, zone, spool, reject, peeked).run()


class _Check:
    """The table `raw`, told apart: what is no data, what is plain, what needs the checks."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        header: Header,
        table: SourceTable,
        zone: tzinfo,
        spool: Spool,
        reject: Reject,
        peeked: PeekedSheet,
    ) -> None:
        self._sql = connection
        self._header, self._table, self._zone = header, table, zone
        self._spool, self._reject = spool, reject
        self._kinds = RowKinds(peeked.sheet, header, table)
        self._places = {column.name: at for column, at in header.places}
        self._checks = {column.name: ColumnCheck(column, zone) for column in table.columns}
        self._plain = {
            column.name: plain_sql.is_plain(column.type, f"c{at}", zone)
            for column, at in header.places
        }

    def run(self) -> SheetResult | None:
        refused = self._set_apart()
        if refused is None:
            return None
        doubtful = self._doubtful()
        self._refuse_national_ids(doubtful)
        for name in doubtful:
            self._judge(name)
        joins = "".join(
            f" left join judged_{name} on judged_{name}.v = raw.c{self._places[name]}"
            for name in doubtful
        )
        wrong = [f"coalesce(judged_{name}.wrong, false)" for name in doubtful]
        wrong += [
            f"raw.c{self._places[column.name]} is null"
            for column in self._table.columns
            if column.required
        ]
        is_wrong = " or ".join(wrong) or "false"
        data = f"raw{joins} where raw.rowid not in (select r from apart)"
        rows = self._count(data)
        rejected = self._reject_all(f"{data} and ({is_wrong})", refused) if wrong else 0
        if not wrong:
            for _, rejections in sorted(refused):
                self._reject(rejections)
        self._spool.take(self._landed(doubtful, f"{data} and not ({is_wrong})"))
        total = rejected + len(refused)
        return SheetResult(None, rows + len(refused), rows - rejected, total)

    def _number(self, rowid: int) -> int:
        return rowid + self._header.row + 2

    def _count(self, source: str) -> int:
        return self._sql.execute(f"select count(*) from {source}").fetchall()[0][0]

    def _set_apart(self) -> list[tuple[int, list[Rejection]]] | None:
        """Put the rows that are no data into `apart`; return those of them that are rejected."""
        starts = self._sql.execute(f"select distinct left(c0, {START}) from raw").fetchall()
        plain = {start for (start,) in starts if start and self._kinds.is_plain_start(start)}
        special = [start for (start,) in starts if start and start not in plain]
        self._sql.execute("create or replace table apart (r bigint)")
        self._sql.execute("create or replace table special (s varchar)")
        self._fill("special", ([start] for start in special))
        asked = f"from raw where c0 is null or left(c0, {START}) in (from special)"
        if self._count(asked.removeprefix("from ")) > MOST_SPECIAL:
            return None
        refused: list[tuple[int, list[Rejection]]] = []
        apart: list[list[int]] = []
        rows = self._sql.execute(f"select rowid, * {asked} order by rowid").fetchall()
        for rowid, *cells in rows:
            kind = self._kinds.of(cells)
            if self._kinds.has_stopped:
                rows = self._sql.execute(
                    f"select rowid, * from raw where rowid >= {rowid} order by rowid"
                ).fetchmany(MOST_SPECIAL + 1)
                if len(rows) > MOST_SPECIAL:
                    return None
                for below, *more in rows:
                    self._take_apart(below, self._kinds.of(more), apart, refused)
                break
            self._take_apart(rowid, kind, apart, refused)
        self._fill("apart", apart)
        return refused

    def _take_apart(
        self,
        rowid: int,
        kind: CellProblem | None,
        apart: list[list[int]],
        refused: list[tuple[int, list[Rejection]]],
    ) -> None:
        if kind is DATA:
            return
        apart.append([rowid])
        if kind is not None:
            number = self._number(rowid)
            refused.append((rowid, [Rejection(None, number, None, None, None, kind)]))

    def _refuse_national_ids(self, doubtful: list[str]) -> None:
        """Look at every column but those whose values are all plain, which none of them is."""
        clean = {at for name, at in self._places.items() if name not in doubtful}
        places = [at for at in range(self._header.width) if at not in clean]
        if not places:
            return
        counts = ", ".join(
            f"count(*) filter ({plain_sql.may_be_national_id(f'trim(c{at})')}), count(c{at})"
            for at in places
        )
        data = "from raw where rowid not in (select r from apart)"
        found = self._sql.execute(f"select {counts} {data}").fetchall()[0]
        for at, hits, filled in zip(places, found[::2], found[1::2], strict=True):
            if hits * 2 <= filled:
                continue
            alike = self._sql.cursor().execute(
                f"select trim(c{at}), count(*) {data} and "
                f"{plain_sql.may_be_national_id(f'trim(c{at})')} group by 1"
            )
            hits = 0
            while batch := alike.fetchmany(FETCHED):
                hits += sum(rows for value, rows in batch if is_national_id(value))
            if hits * 2 > filled:
                raise national_id_refusal(self._header.labels[at] or f"number {at + 1}")

    def _doubtful(self) -> list[str]:
        """The columns in which any value is not plain."""
        names = list(self._plain)
        asked = ", ".join(
            f"coalesce(bool_or(not {self._plain[name]}) filter (c{self._places[name]} is not null)"
            ", false)"
            for name in names
        )
        found = self._sql.execute(f"select {asked} from raw").fetchall()[0]
        return [name for name, doubt in zip(names, found, strict=True) if doubt]

    def _judge(self, name: str) -> None:
        """Put each different doubtful value of a column, with its outcome, into `judged_<name>`."""
        value, check = f"c{self._places[name]}", self._checks[name]
        doubtful = f"{value} is not null and not {self._plain[name]}"
        self._sql.execute(
            f"create or replace table judged_{name} (v varchar, t varchar, wrong boolean)"
        )
        asked = f"select distinct {value} from raw where {doubtful}"
        if check.has_order:  # of days: all of them show it
            looked = self._sql.cursor().execute(asked)
            while batch := looked.fetchmany(FETCHED):
                check.look_at([value for (value,) in batch])
        found = self._sql.cursor().execute(asked)

        def judged() -> Iterator[list[object]]:
            while batch := found.fetchmany(FETCHED):
                values = [value for (value,) in batch]
                outcomes, wrong = check.outcomes(values)
                bad = set(wrong)
                for at, value in enumerate(values):
                    yield [value, None if at in bad else outcomes[at], at in bad]

        self._fill(f"judged_{name}", judged())

    def _fill(self, table: str, rows: Iterable[list]) -> None:
        """Add rows to a table, by way of a file: far faster than one by one."""
        path = self._spool.folder / f"{table}.csv"
        with path.open("w", encoding="utf-8", newline="") as target:
            csv.writer(target, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
        self._sql.execute(
            f"insert into {table} from read_csv({DUCKDB.literal(str(path))}, header = false, "
            f"auto_detect = false, quote = '\"', escape = '\"', delim = ',', "
            f"columns = {self._types(table)!r}, new_line = '\\n', "
            f"max_line_size = {LONGEST_LINE * 2})"
        )

    def _types(self, table: str) -> dict[str, str]:
        described = self._sql.execute(f"describe {table}").fetchall()
        return {name: kind for name, kind, *_ in described}

    def _reject_all(self, wrong: str, refused: list[tuple[int, list[Rejection]]]) -> int:
        """Reject the rows with a wrong cell and, between them, those refused as a whole."""
        count = 0
        whole = iter(sorted(refused))
        waiting = next(whole, None)
        for rowid, cells in self._rows(f"select raw.rowid, raw.* from {wrong} order by raw.rowid"):
            while waiting and waiting[0] < rowid:
                self._reject(waiting[1])
                waiting = next(whole, None)
            self._reject(self._rejections(self._number(rowid), cells))
            count += 1
        for _, rejections in itertools.chain([waiting] if waiting else [], whole):
            self._reject(rejections)
        return count

    def _rows(self, sql: str) -> Iterator[tuple[int, tuple]]:
        found = self._sql.cursor().execute(sql)
        while batch := found.fetchmany(FETCHED):
            for rowid, *cells in batch:
                yield rowid, cells

    def _rejections(self, number: int, cells: tuple) -> list[Rejection]:
        found = []
        for column in self._table.columns:
            at = self._places.get(column.name)
            if at is None:
                continue
            (outcome,), wrong = self._checks[column.name].outcomes([cells[at]])
            if wrong:
                label, value = self._header.labels[at], as_text(cleaned(cells[at]))
                found.append(Rejection(None, number, column.name, label, value, outcome))
        return found

    def _landed(self, doubtful: list[str], source: str) -> str:
        """The query of the good rows: the table's columns, `_sheet`, `_row`."""
        chosen = []
        for column in self._table.columns:
            at = self._places.get(column.name)
            if at is None:
                chosen.append(f'null::varchar as "{column.name}"')
                continue
            text = plain_sql.landed(column.type, f"raw.c{at}", self._zone)
            if column.name in doubtful:
                judged = f"judged_{column.name}"
                text = f"case when {judged}.v is null then {text} else {judged}.t end"
            chosen.append(f'{text} as "{column.name}"')
        row = f"raw.rowid + {self._header.row + 2} as _row"
        return f"select {', '.join(chosen)}, null::varchar as _sheet, {row} from {source}"
