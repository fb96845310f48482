"""The journal of a run: an SQLite file that survives being killed at any moment.

Before a batch is sent it stands here as `sending`, with the numbers of its objects; when the answer
is read it gets its outcome, and each object that was not accepted an entry of its own. All is
committed with synchronous=FULL, what happened at one time in one transaction. So whoever starts
next knows of every object that it was accepted, refused, never sent, or (at most one batch a
connection) that its fate is unknown. The ledger folds a run's batches and entries into the
warehouse and only then are they dropped here.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from madang import private
from madang.sync import SyncError
from madang.sync.clock import stamp, utc_now
from madang.sync.destinations.base import Batch, Outcome, Receipt

TABLES = """
create table if not exists runs (
    run_id text primary key,
    plan_id text not null,
    sync text not null,
    destination text not null,
    spool text not null,
    started_at text not null,
    finished_at text,
    status text not null,
    requests integer not null default 0,
    is_folded integer not null default 0
);
create table if not exists batches (
    run_id text not null,
    batch_no integer not null,
    objects integer not null,
    status text not null,
    http_status integer,
    attempts integer not null default 0,
    sent_at text not null,
    finished_at text,
    remote_reference text,
    numbers text,
    primary key (run_id, batch_no)
);
create table if not exists entries (
    run_id text not null,
    object_no integer not null,
    batch_no integer not null,
    status text not null,
    reason text,
    problem text,
    fix text,
    recorded_at text not null,
    primary key (run_id, object_no)
) without rowid;
"""


UNKNOWN = Outcome("unknown", "no outcome")
HAS_NUMBERS = "select 1 from pragma_table_info('batches') where name = 'numbers'"


@dataclass(frozen=True)
class Run:
    """One attempt to send a plan. `status`: running, succeeded, partial, failed, interrupted."""

    run_id: str
    plan_id: str
    sync: str
    destination: str
    spool: Path
    started_at: str
    finished_at: str | None
    status: str
    requests: int


KINDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("run_id", "plan_id", "sync", "destination", "started_at", "status"), str),
    "spool": Path,
    "finished_at": lambda value: value,
    "requests": int,
}


class UnreadableRun(Exception):
    """What the journal holds of a run is not what was written there."""


class Journal:
    """An open journal. Only the holder of the lock may write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @property
    def database(self) -> sqlite3.Connection:
        """The file itself, for what else must survive being killed."""
        return self._db

    def start(self, run: Run) -> None:
        """Note that a run begins; its spool must already be whole on disk."""
        with self._db:
            self._db.execute(
                "insert into runs (run_id, plan_id, sync, destination, spool, started_at, status) "
                "values (?, ?, ?, ?, ?, ?, 'running')",
                (
                    run.run_id,
                    run.plan_id,
                    run.sync,
                    run.destination,
                    str(run.spool),
                    run.started_at,
                ),
            )

    def note(
        self,
        run_id: str,
        leaving: Mapping[int, Batch],
        answered: Mapping[int, tuple[Batch, Receipt | None]],
    ) -> None:
        """Note at once which batches leave, by number, and what became of others.

        Without a receipt the destination refused a batch whole: its objects are planned as before.
        """
        now = stamp(utc_now())
        with self._db:
            self._db.executemany(
                "insert into batches (run_id, batch_no, objects, status, sent_at, numbers, "
                "remote_reference) values (?, ?, ?, 'sending', ?, ?, ?)",
                [
                    (run_id, number, len(batch.objects), now, _spans(batch), batch.reference)
                    for number, batch in leaving.items()
                ],
            )
            self._db.executemany(
                "update batches set status = ?, http_status = ?, attempts = ?, finished_at = ?, "
                "remote_reference = ? where run_id = ? and batch_no = ?",
                [
                    (*_settled(batch, receipt, now), run_id, number)
                    for number, (batch, receipt) in answered.items()
                ],
            )
            self._db.executemany(
                "insert into entries (run_id, object_no, batch_no, status, reason, problem, fix, "
                "recorded_at) values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (run_id, at, number, one.status, one.reason, one.problem, one.fix, now)
                    for number, (batch, receipt) in answered.items()
                    if receipt is not None
                    for at, one in _others(batch, receipt)
                ],
            )

    def finish(self, run_id: str, status: str, requests: int = 0) -> None:
        """Note how a run ended. What is still `sending` then has an unknown fate."""
        now = stamp(utc_now())
        with self._db:
            self._db.execute(
                "update runs set status = ?, requests = max(requests, ?), finished_at = ? "
                "where run_id = ?",
                (status, requests, now, run_id),
            )
            for table in ("entries", "batches"):  # entries: of an earlier version
                self._db.execute(
                    f"update {table} set status = 'unknown' "
                    "where run_id = ? and status = 'sending'",
                    (run_id,),
                )

    def unfolded(self) -> list[Run]:
        """Return the runs whose entries are not in the warehouse yet, in the order they began."""
        rows = self._db.execute("select * from runs where not is_folded order by rowid")
        return [_run(row) for row in rows]

    def get(self, run_id: str) -> Run:
        """Return one run."""
        return _run(self._db.execute("select * from runs where run_id = ?", (run_id,)).fetchone())

    def rows(self, table: str, run_id: str) -> Iterator[dict[str, Any]]:
        """Return the batches or entries of a run as dicts."""
        order = {"batches": "batch_no", "entries": "object_no"}[table]
        for row in self._db.execute(
            f"select * from {table} where run_id = ? order by {order}", (run_id,)
        ):
            yield dict(row)

    def folded(self, run_id: str) -> None:
        """Drop a run's details, which the warehouse holds now."""
        with self._db:
            for table in ("entries", "batches"):
                self._db.execute(f"delete from {table} where run_id = ?", (run_id,))
            self._db.execute("update runs set is_folded = 1 where run_id = ?", (run_id,))


@contextmanager
def locked(path: Path) -> Iterator[Journal]:
    """Open the journal and keep every other sync of this workspace out until the end.

    The lock is the operating system's, so it goes when the process goes, however it dies. Raises
    SyncError when another sync is running, and when the journal cannot be used, then or later.
    """
    lock_path = path.with_name(f"{path.name}.lock")
    try:
        private.file(path)
        private.file(lock_path)
        lock = sqlite3.connect(lock_path, timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise unusable(lock_path, error) from error
    with closing(lock):
        try:
            lock.execute("begin exclusive")
        except sqlite3.Error as error:
            if "lock" not in str(error):
                raise unusable(lock_path, error) from error
            raise SyncError(
                "Another sync of this workspace is running.",
                where=str(path),
                fix="Wait for it to end. If it hangs, end that process: nothing is lost by it.",
            ) from error
        try:
            with closing(sqlite3.connect(path)) as journal:
                journal.row_factory = sqlite3.Row
                journal.execute("pragma journal_mode = wal")
                journal.execute("pragma synchronous = full")
                journal.execute("pragma secure_delete = on")
                check(journal)
                journal.executescript(TABLES)
                if not journal.execute(HAS_NUMBERS).fetchone():
                    journal.execute("alter table batches add column numbers text")
                yield Journal(journal)
        except (sqlite3.Error, UnreadableRun) as error:
            raise unusable(path, error) from error


def check(journal: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError where pages of the file are damaged."""
    if journal.execute("pragma quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("its pages are damaged")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the journal to look into it, beside whoever writes. Raises SyncError."""
    try:
        with closing(_opened(path)) as journal:
            yield journal
    except sqlite3.Error as error:
        raise unusable(path, error) from error


def _opened(path: Path) -> sqlite3.Connection:
    """Where nothing can be written, SQLite can read only a file that it is told nobody writes."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    journal = sqlite3.connect(address, uri=True, timeout=1)
    try:
        journal.execute("select 1 from sqlite_master limit 1")
    except sqlite3.OperationalError as error:
        journal.close()
        written = path.with_name(f"{path.name}-wal")
        if "locked" in str(error) or (written.exists() and written.stat().st_size):
            raise
        return sqlite3.connect(f"{address}&immutable=1", uri=True)
    except sqlite3.Error:
        journal.close()
        raise
    return journal


def _settled(batch: Batch, receipt: Receipt | None, now: str) -> tuple:
    if receipt is None:
        return "refused", None, 0, now, None
    rejected = sum(one.status == "rejected" for one in receipt.outcomes.values())
    status = "partial" if rejected else "accepted"
    if rejected == len(batch.objects):
        status = "rejected"
    return status, receipt.http_status, receipt.attempts, now, receipt.remote_reference


def _others(batch: Batch, receipt: Receipt) -> Iterator[tuple[int, Outcome]]:
    """Yield the outcomes of the objects that were not accepted; without one it is unknown."""
    outcomes = receipt.outcomes
    for one in batch.objects:
        outcome = outcomes.get(one.number, UNKNOWN)
        if outcome.status != "accepted":
            yield one.number, outcome


def _spans(batch: Batch) -> str:
    """Return the numbers of a batch's objects as spans: 1-50, or 1-3,7-7."""
    spans: list[list[int]] = []
    for number in sorted(one.number for one in batch.objects):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(f"{first}-{last}" for first, last in spans)


def _run(row: Mapping[str, Any] | None) -> Run:
    if row is None:
        raise UnreadableRun("a run is missing")
    try:
        return Run(**{name: kind(row[name]) for name, kind in KINDS.items()})
    except (TypeError, ValueError) as error:
        raise UnreadableRun("a run cannot be read") from error


def unusable(path: Path, error: Exception) -> SyncError:
    """Say why the journal cannot be used, and what to do about this kind of reason."""
    said = str(error).lower()
    if "locked" in said or "busy" in said:
        fix = "Another program has the file open. Close it, then run the command again."
    elif isinstance(error, OSError) or any(
        word in said for word in ("readonly", "read-only", "unable to open", "permission")
    ):
        fix = "Correct paths.journal in madang.yml, or the permissions of the file and its folder."
    elif "full" in said or "disk i/o" in said:
        fix = "See whether the disk is full, then run the command again: it goes on from there."
    elif path.suffix == ".lock":
        fix = "Delete this file: it holds nothing but the lock."
    else:
        fix = (
            "Put back its last backup, or move it away (with -wal and -shm beside it): what it "
            "held of the last run is then sent once more, and 'madang erase' asks again for "
            "deletions that waited in it."
        )
    return SyncError(f"The journal of the syncs cannot be used: {error}.", where=str(path), fix=fix)
