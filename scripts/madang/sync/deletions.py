"""Deletions of erased people at destinations: queued once in the journal, sent until they are done.

A destination that knows people deletes them by their keys; from one that does not, they are taken
off lists and out of fields, by the same requests as a plan's.

They go out by the same door as what a plan sends: under the lock of the journal, each request
between two entries there, by `madang erase` at once and by `madang sync --apply` where that failed.
There is no plan of rows: the ledger would keep the keys of people who are not to be in it. A key
leaves the journal with the answer that it is deleted; what stays is how many there were.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter

from madang.errors import MadangError
from madang.settings.workspace import Settings
from madang.sync import DestinationRefused
from madang.sync.clock import stamp, utc_now
from madang.sync.destinations.base import Change, ObjectKind, SyncObject
from madang.sync.destinations.registry import (
    can_delete,
    object_of,
    open_by_name,
    open_destination,
)
from madang.sync.journal import locked, reading
from madang.sync.spec import find_spec, load_specs

TOGETHER = 50  # keys a request, the least that a destination takes
TABLES = """
create table if not exists deletions (
    erasure_id text not null,
    destination text not null,
    key text not null,
    status text not null,
    asked_at text,
    primary key (erasure_id, destination, key)
) without rowid;
create table if not exists deletions_done (
    erasure_id text not null,
    destination text not null,
    keys integer not null,
    http_status integer,
    deleted_at text not null
);
"""


@dataclass(frozen=True)
class Deletion:
    """What became of one erasure at one destination. `status`: deleted or waiting."""

    erasure_id: str
    destination: str
    status: str
    keys: int
    http_status: int | None = None
    problem: str | None = None


def queue(
    settings: Settings, erasure_id: str, destinations: Iterable[str], keys: Iterable[str]
) -> None:
    """Note what every destination is to delete; what is noted or done already stays as it is."""
    keys = list(keys)
    with locked(settings.paths.journal) as journal:
        database = _prepared(journal.database)
        with database:
            for name in destinations:
                done = (
                    "select count(*) from deletions_done where erasure_id = ? and destination = ?"
                )
                if not database.execute(done, (erasure_id, name)).fetchone()[0]:
                    database.executemany(
                        "insert or ignore into deletions values (?, ?, ?, 'waiting', null)",
                        [(erasure_id, name, key) for key in keys],
                    )


def waiting(settings: Settings) -> list[Deletion]:
    """Return what destinations are still to delete. Reads only. Raises SyncError."""
    path = settings.paths.journal
    if not path.exists():
        return []
    with reading(path) as database:
        there = "select count(*) from sqlite_master where name = 'deletions'"
        if not database.execute(there).fetchone()[0]:  # nobody was erased yet
            return []
        rows = database.execute(
            "select erasure_id, destination, 'waiting', count(*) from deletions "
            "group by erasure_id, destination order by erasure_id, destination"
        )
        return [Deletion(*row) for row in rows]


def send(settings: Settings) -> list[Deletion]:
    """Ask destinations to delete what waits; return what became of it.

    A destination that cannot be reached keeps the others from nothing; its keys wait on. One that
    was killed before the answer is asked again: whoever is deleted stays so.
    """
    told = []
    with locked(settings.paths.journal) as journal:
        database = _prepared(journal.database)
        asked = database.execute(
            "select distinct destination, erasure_id from deletions order by 1, 2"
        )
        for name, erasure_id in asked.fetchall():
            told.append(_send(settings, database, name, erasure_id))
    return told


def done(settings: Settings, erasure_id: str) -> dict[str, Deletion]:
    """Return what was deleted for an erasure, by destination."""
    with locked(settings.paths.journal) as journal:
        rows = _prepared(journal.database).execute(
            "select erasure_id, destination, 'deleted', sum(keys), max(http_status) "
            "from deletions_done where erasure_id = ? group by erasure_id, destination",
            (erasure_id,),
        )
        return {row[1]: Deletion(*row) for row in rows}


def _send(settings: Settings, database: sqlite3.Connection, name: str, erasure_id: str) -> Deletion:
    mine = (erasure_id, name)
    theirs = "from deletions where erasure_id = ? and destination = ?"
    keys, status = 0, None
    try:
        with _deleter(settings, name) as delete:
            while batch := _next(database, mine):
                status = delete(batch)
                with database:
                    database.executemany(
                        f"delete {theirs} and key = ?",
                        [(*mine, key) for key in batch],
                    )
                    database.execute(
                        "insert into deletions_done values (?, ?, ?, ?, ?)",
                        (*mine, len(batch), status, stamp(utc_now())),
                    )
                keys += len(batch)
    except MadangError as error:
        left = database.execute(f"select count(*) {theirs}", mine).fetchone()[0]
        return Deletion(erasure_id, name, "waiting", left, problem=error.message)
    return Deletion(erasure_id, name, "deleted", keys, status)


def membership(sync: str, list_name: str, key: str) -> str:
    """Return the key under which being on a list is queued."""
    return json.dumps([sync, list_name, key])


@contextmanager
def _deleter(settings: Settings, name: str) -> Iterator[Callable[[list[str]], int | None]]:
    """Give what asks a destination to forget keys; it returns the last HTTP status."""
    if name not in settings.destinations:
        raise MadangError(
            f"madang.yml does not name the destination {name} any more.",
            where=str(settings.config_path),
            fix="Put it back, or delete there by hand.",
        )
    if not can_delete(name):
        yield partial(_take_off, settings)
        return
    with closing(open_by_name(name, settings)) as destination:
        yield destination.delete


def _take_off(settings: Settings, queued: list[str]) -> int | None:
    """Remove members from lists and empty fields. Raises DestinationRefused by a refusal."""
    status = None
    places = sorted(tuple(json.loads(one)) for one in queued)
    for sync, rows in groupby(places, key=itemgetter(0)):
        spec = find_spec(load_specs(settings.project_dir), sync)
        with closing(open_destination(spec, settings)) as destination:
            for batch in destination.batches(_removals(object_of(spec), list(rows))):
                receipt = destination.send(batch)
                status = receipt.http_status
                refused = [one for one in receipt.outcomes.values() if one.status == "rejected"]
                if refused:
                    raise DestinationRefused(
                        f"{len(refused)} were not taken away: {refused[0].problem}",
                        fix="Take them away there by hand.",
                    )
    return status


def _removals(kind: ObjectKind, rows: list[tuple]) -> Iterator[SyncObject]:
    """Group rows (sync, list or field, key) as a plan does: attributes of one key together."""
    if kind.kind != "attributes":
        for number, (_, name, key) in enumerate(rows):
            yield SyncObject(number, key, (Change(name, None),))
        return
    by_key = sorted(rows, key=itemgetter(2))
    for number, (key, fields) in enumerate(groupby(by_key, key=itemgetter(2))):
        yield SyncObject(number, key, tuple(Change(name, None) for _, name, _ in fields))


def _next(database: sqlite3.Connection, mine: tuple[str, str]) -> list[str]:
    """Take the next keys, and note that they are about to be asked for."""
    rows = database.execute(
        "select key from deletions where erasure_id = ? and destination = ? order by key limit ?",
        (*mine, TOGETHER),
    ).fetchall()
    with database:
        database.executemany(
            "update deletions set status = 'sending', asked_at = ? "
            "where erasure_id = ? and destination = ? and key = ?",
            [(stamp(utc_now()), *mine, key) for (key,) in rows],
        )
    return [key for (key,) in rows]


def _prepared(database: sqlite3.Connection) -> sqlite3.Connection:
    database.executescript(TABLES)
    return database
