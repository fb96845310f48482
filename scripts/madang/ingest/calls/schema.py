"""The file of the inbox of calls: its tables, and how it is opened so that a commit is durable."""

import sqlite3
from pathlib import Path

from madang import private
from madang.ingest.errors import LoadError

VERSION = 1
BUSY_SECONDS = 10
TABLES = """
create table requests (
    request_id text not null primary key,
    partner text not null,
    kind text not null,
    idempotency_key text not null,
    body_sha256 text not null,
    source text not null,
    columns text not null,
    received_at text not null,
    status integer not null,
    answer text not null,
    unique (partner, kind, idempotency_key)
);
create table items (
    item_no integer primary key autoincrement,
    request_id text not null,
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


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, making it where it is missing. Raises LoadError when it cannot be used."""
    try:
        private.file(path)
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
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("pragma user_version").fetchone()[0] == VERSION:
        return
    connection.execute("begin immediate")
    version = connection.execute("pragma user_version").fetchone()[0]
    if version == 0:
        for statement in TABLES.split(";\n"):
            connection.execute(statement)
        connection.execute(f"pragma user_version = {VERSION}")
    connection.execute("commit")
    if version > VERSION:
        raise LoadError(
            "The inbox of calls was written by a newer version of madang.",
            where=str(path),
            fix="Use that version.",
        )
