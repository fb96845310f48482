"""The inbox of calls: an SQLite file between the receiver, which adds, and the load, which drains.

Every commit waits for the disk (write-ahead log, synchronous=FULL): what was committed is there
after a crash. Items are numbered in the order of their commits, so a range of numbers that has been
seen once never gains an item. A batch is such a range of one source; it is written down before it
is landed, so that whoever finishes it lands the same rows.
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from madang.ingest.errors import LoadError

VERSION = 1
BUSY_SECONDS = 10
TABLES = """
create table requests (
    request_no integer primary key autoincrement,
    request_id text not null unique,
    partner text not null,
    kind text not null,
    idempotency_key text not null,
    body_sha256 text not null,
    source text not null,
    columns text not null,
    received_at text not null,
    status integer not null,
    answer blob not null,
    unique (partner, kind, idempotency_key)
);
create table items (
    item_no integer primary key autoincrement,
    request_no integer not null,
    item integer not null,
    texts text not null
);
create table batches (
    batch_no integer primary key autoincrement,
    source text not null,
    columns text not null,
    first_item integer not null,
    last_item integer not null,
    items integer not null,
    state text not null,
    sha256 text
);
"""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it is kept: `items` are numbers from 1 and texts in the order of `columns`."""

    request_id: str
    partner: str
    kind: str
    idempotency_key: str
    body_sha256: str
    source: str
    columns: tuple[str, ...]
    received_at: str
    status: int
    answer: bytes
    items: tuple[tuple[int, tuple[str | None, ...]], ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a request: it is new, or its key was used for the same or another body."""

    outcome: Literal["new", "replayed", "conflict"]
    status: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Items of one source and one list of columns that land together, once spooled as `sha256`."""

    batch_no: int
    source: str
    columns: tuple[str, ...]
    first_item: int
    last_item: int
    items: int
    sha256: str | None


class Inbox:
    """An open inbox. Several processes may hold one; each connection belongs to one thread."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self.path = path

    def keep(self, requests: Iterable[Received]) -> list[Kept]:
        """Add requests in one commit, each once; return what became of each, when it is durable."""
        with self._committed():
            return [self._keep(request) for request in requests]

    def _keep(self, new: Received) -> Kept:
        known = self._db.execute(
            "select body_sha256, status, answer from requests "
            "where partner = ? and kind = ? and idempotency_key = ?",
            (new.partner, new.kind, new.idempotency_key),
        ).fetchone()
        if known:
            outcome = "replayed" if known[0] == new.body_sha256 else "conflict"
            return Kept(outcome, known[1], known[2])
        added = self._db.execute(
            "insert into requests (request_id, partner, kind, idempotency_key, body_sha256, "
            "source, columns, received_at, status, answer) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                new.request_id,
                new.partner,
                new.kind,
                new.idempotency_key,
                new.body_sha256,
                new.source,
                json.dumps(new.columns),
                new.received_at,
                new.status,
                new.answer,
            ),
        )
        self._db.executemany(
            "insert into items (request_no, item, texts) values (?, ?, ?)",
            [
                (added.lastrowid, item, json.dumps(texts, ensure_ascii=False))
                for item, texts in new.items
            ],
        )
        return Kept("new", new.status, new.answer)

    def last_request_id(self) -> str | None:
        """Return the largest request id; ids are ordered by time."""
        return self._db.execute("select max(request_id) from requests").fetchone()[0]

    def waiting(self) -> dict[str, int]:
        """Count the items that the load has not taken, by source."""
        return dict(
            self._db.execute(
                "select source, count(*) from items join requests using (request_no) "
                "group by source order by source"
            ).fetchall()
        )

    def waiting_since(self) -> str | None:
        """Return when the oldest item came that the load has not taken; None when none waits."""
        found = self._db.execute(
            "select received_at from requests where request_no = "
            "(select request_no from items order by item_no limit 1)"
        ).fetchone()
        return found and found[0]

    def batches(self, state: str) -> list[Batch]:
        """Return the batches in a state, oldest first."""
        rows = self._db.execute(
            "select batch_no, source, columns, first_item, last_item, items, sha256 from batches "
            "where state = ? order by batch_no",
            (state,),
        )
        return [_batch(row) for row in rows]

    def begin_batches(self, sources: Collection[str], most: int) -> list[Batch]:
        """Write down batches of the oldest items of `sources`, at most `most` items; return them.

        Call it only when no batch of these sources is open: its items are still there.
        """
        marks = ", ".join("?" for _ in sources)
        with self._committed():
            last = self._db.execute("select max(batch_no) from batches").fetchone()[0] or 0
            self._db.execute(
                "insert into batches (source, columns, first_item, last_item, items, state) "
                "select source, columns, min(item_no), max(item_no), count(*), 'open' from ("
                "select source, columns, item_no from items join requests using (request_no) "
                f"where source in ({marks}) order by item_no limit ?) group by source, columns",
                (*sources, most),
            )
        return [batch for batch in self.batches("open") if batch.batch_no > last]

    def lines_of(self, batch: Batch) -> Iterator[str]:
        """Return the rows of a batch in their order, each as a line of JSON.

        `f` is the request, `s` the partner, `r` the number of the item in the request, `t` its
        texts.
        """
        rows = self._db.execute(
            """select '{"f":"' || request_id || '","s":"' || partner || '","r":' || item || ',"t":'
            || texts || '}' from items join requests using (request_no)
            where item_no between ? and ? and source = ? and columns = ? order by item_no""",
            (batch.first_item, batch.last_item, batch.source, json.dumps(batch.columns)),
        )
        return (row[0] for row in rows)

    def spooled(self, batch: Batch, sha256: str) -> None:
        """Note the digest under which the rows of a batch are about to land."""
        with self._committed():
            self._db.execute(
                "update batches set sha256 = ? where batch_no = ?", (sha256, batch.batch_no)
            )

    def landed(self, batch: Batch) -> None:
        """Note that the rows of a batch are in the warehouse."""
        with self._committed():
            self._db.execute(
                "update batches set state = 'landed' where batch_no = ?", (batch.batch_no,)
            )

    def forget_items(self, batch: Batch, slice_of: int = 2000) -> None:
        """Delete the items of a landed batch, in short steps between which the receiver writes."""
        self._db.execute("pragma secure_delete = on")
        for first in range(batch.first_item, batch.last_item + 1, slice_of):
            with self._committed():
                self._db.execute(
                    "delete from items where item_no between ? and ? and exists (select 1 from "
                    "requests where requests.request_no = items.request_no "
                    "and source = ? and columns = ?)",
                    (
                        first,
                        min(first + slice_of - 1, batch.last_item),
                        batch.source,
                        json.dumps(batch.columns),
                    ),
                )
        with self._committed():
            self._db.execute("delete from batches where batch_no = ?", (batch.batch_no,))

    def forget_requests(self, before: datetime, slice_of: int = 5000) -> None:
        """Delete the requests from before a moment of which no item waits."""
        deleted = slice_of
        while deleted == slice_of:
            with self._committed():
                deleted = self._db.execute(
                    "delete from requests where request_no in (select request_no from requests "
                    "where request_id < ? and request_no not in (select request_no from items) "
                    "limit ?)",
                    (_id_at(int(before.timestamp() * 1_000_000)), slice_of),
                ).rowcount

    def close(self) -> None:
        """Close the connection; the last one folds the log into the file."""
        self._db.close()

    @contextmanager
    def _committed(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.rollback()
            raise
        self._db.execute("commit")


class RequestIds:
    """Makes request ids that are unique and, within a process, sort in the order of their making.

    An id is `rq_`, 14 hex digits of microseconds since 1970, 8 random ones.
    """

    def __init__(self, after: str | None = None) -> None:
        self._last = int(after[3:17], 16) if after else 0

    def next(self) -> str:
        """Return a new id, later than every one before, also when the clock was set back."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return f"{_id_at(self._last)}{secrets.token_hex(4)}"


def _id_at(microseconds: int) -> str:
    return f"rq_{microseconds:014x}"


def open_inbox(path: Path) -> Inbox:
    """Open the inbox, making it where it is missing. Raises LoadError when it cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        _prepare(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise LoadError(
            f"The inbox of calls cannot be opened: {error}.",
            where=str(path),
            fix="Correct paths.received in madang.yml, or see to the rights and the space there.",
        ) from error
    return Inbox(connection, path)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("pragma user_version").fetchone()[0] == VERSION:
        return
    connection.execute("begin immediate")
    version = connection.execute("pragma user_version").fetchone()[0]
    if version == 0:
        for statement in TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"pragma user_version = {VERSION}")
        path.chmod(0o600)
    connection.execute("commit")
    if version > VERSION:
        raise LoadError(
            "The inbox of calls was written by a newer version of madang.",
            where=str(path),
            fix="Use that version.",
        )


def _batch(row: Sequence) -> Batch:
    number, source, columns, *rest = row
    return Batch(number, source, tuple(json.loads(columns)), *rest)
