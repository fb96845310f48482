"""The inbox of calls: an SQLite file between the receiver, which adds, and the load, which drains.

Every commit waits for the disk (write-ahead log, synchronous=FULL): what was committed is there
after a crash. Items are numbered in the order of their commits, so a range of numbers that has been
seen once never gains an item. A batch is such a range of one source; it is written down before it
is landed, so that whoever finishes it lands the same rows.
"""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from madang.ingest.calls.ids import id_before
from madang.ingest.calls.schema import connect

Outcome = Literal["new", "replayed", "conflict"]
KNOWN = """
select partner, kind, idempotency_key, request_id, body_sha256, status, answer
from json_each(?) as asked
join requests on partner = json_extract(asked.value, '$[0]')
    and kind = json_extract(asked.value, '$[1]')
    and idempotency_key = json_extract(asked.value, '$[2]')
"""
HEAD = (
    "request_id",
    "partner",
    "kind",
    "idempotency_key",
    "body_sha256",
    "source",
    "columns",
    "received_at",
    "status",
    "answer",
)
INSERT_REQUESTS = f"""
insert into requests ({", ".join(HEAD)})
select {", ".join(f"json_extract(value, '$[{at}]')" for at in range(len(HEAD)))}
from json_each(?) order by key
"""
INSERT_ITEMS = """
insert into items (request_id, item, texts)
select json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
from json_each(?) order by key
"""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it is kept: `items` are numbers from 1 and texts in the order of `columns`.

    `columns` is a list in JSON, see `listed`; `answer` what was answered.
    """

    request_id: str
    partner: str
    kind: str
    idempotency_key: str
    body_sha256: str
    source: str
    columns: str
    received_at: str
    status: int
    answer: str
    items: tuple[tuple[int, tuple[str | None, ...]], ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a request: it is new, or its key was used for the same or another body.

    `request_id`, `status` and `answer` are those of the first request with its key.
    """

    request_id: str
    outcome: Outcome
    status: int
    answer: str


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

    def keep(self, requests: Sequence[Received]) -> list[Kept]:
        """Add requests in one commit, each once; return what became of each, when it is durable.

        One without items is only looked up: its key stays free.
        """
        keys = [(one.partner, one.kind, one.idempotency_key) for one in requests]
        with self._committed():
            first = self._known(keys)
            kept, new = [], []
            for key, one in zip(keys, requests, strict=True):
                itself = (one.request_id, one.body_sha256, one.status, one.answer)
                outcome: Outcome = "replayed" if key in first else "new"
                if key not in first and one.items:
                    first[key] = itself
                    new.append(one)
                request_id, body_sha256, status, answer = first.get(key, itself)
                if body_sha256 != one.body_sha256:
                    outcome = "conflict"
                kept.append(Kept(request_id, outcome, status, answer))
            self._insert(new)
        return kept

    def _known(self, keys: Sequence[tuple]) -> dict[tuple, tuple]:
        rows = self._db.execute(KNOWN, (json.dumps(keys),)).fetchall()
        return {(partner, kind, key): rest for partner, kind, key, *rest in rows}

    def _insert(self, requests: Sequence[Received]) -> None:
        """Two statements for all: between statements the thread waits for the interpreter."""
        if not requests:
            return
        heads = [[getattr(one, name) for name in HEAD] for one in requests]
        self._db.execute(INSERT_REQUESTS, (json.dumps(heads, ensure_ascii=False),))
        items = [(one.request_id, *item) for one in requests for item in one.items]
        self._db.execute(INSERT_ITEMS, (json.dumps(items, ensure_ascii=False),))

    def last_request_id(self) -> str | None:
        """Return the largest request id; ids are ordered by time."""
        return self._db.execute("select max(request_id) from requests").fetchone()[0]

    def waiting(self) -> dict[str, int]:
        """Count the items that the load has not taken, by source."""
        return dict(
            self._db.execute(
                "select source, count(*) from items join requests using (request_id) "
                "group by source order by source"
            ).fetchall()
        )

    def waiting_since(self) -> str | None:
        """Return when the oldest item came that the load has not taken; None when none waits."""
        found = self._db.execute(
            "select received_at from requests where request_id = "
            "(select request_id from items order by item_no limit 1)"
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
        # read first: what has been seen of a range stays so, and the receiver need not wait
        found = self._db.execute(
            "select source, columns, min(item_no), max(item_no), count(*) from ("
            "select source, columns, item_no from items cross join requests using (request_id) "
            f"where source in ({marks}) order by item_no limit ?) group by source, columns",
            (*sources, most),
        ).fetchall()
        with self._committed():
            self._db.executemany(
                "insert into batches (source, columns, first_item, last_item, items, state) "
                "values (?, ?, ?, ?, ?, 'open')",
                found,
            )
        return [batch for batch in self.batches("open") if batch.source in sources]

    def lines_of(self, batch: Batch) -> Iterator[str]:
        """Return the rows of a batch in their order, each as a line of JSON.

        `f` is the partner and the request, `s` the number of the item in the request, `r` its
        number in this inbox, `t` its texts.
        """
        rows = self._db.execute(
            """select '{"f":"' || partner || '/' || request_id || '","s":"item ' || item || '","r":'
            || item_no || ',"t":' || texts || '}' from items cross join requests using (request_id)
            where item_no between ? and ? and source = ? and columns = ? order by item_no""",
            (batch.first_item, batch.last_item, batch.source, listed(batch.columns)),
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
                    "requests where requests.request_id = items.request_id "
                    "and source = ? and columns = ?)",
                    (
                        first,
                        min(first + slice_of - 1, batch.last_item),
                        batch.source,
                        listed(batch.columns),
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
                    "delete from requests where request_id in (select request_id from requests "
                    "where request_id < ? and request_id not in (select request_id from items) "
                    "limit ?)",
                    (id_before(before), slice_of),
                ).rowcount

    def forget_answers(self, is_meant: Callable[[str], bool]) -> int:
        """Delete requests whose key or answer is meant, of which no item waits; return how many."""
        self._db.execute("pragma secure_delete = on")
        known = self._db.execute("select request_id, idempotency_key, answer from requests")
        meant = [(number,) for number, *texts in known if is_meant("\n".join(texts))]
        waits = "request_id in (select request_id from items)"
        with self._committed():
            for number in meant:
                sql = f"delete from requests where request_id = ? and not {waits}"
                self._db.execute(sql, number)
        return len(meant)

    def wipe(self) -> None:
        """Fold the log into the file, so that what was deleted is in neither any more.

        A receiver that is busy just then does it later itself.
        """
        self._db.execute("pragma wal_checkpoint(truncate)").fetchall()

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


def listed(columns: Sequence[str]) -> str:
    """Return a list of columns as the inbox keeps it."""
    return json.dumps(list(columns))


def open_inbox(path: Path) -> Inbox:
    """Open the inbox, making it where it is missing. Raises LoadError when it cannot be used."""
    return Inbox(connect(path), path)


def _batch(row: Sequence) -> Batch:
    number, source, columns, *rest = row
    return Batch(number, source, tuple(json.loads(columns)), *rest)
