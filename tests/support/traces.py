"""Looks for somebody's values in every cell of a warehouse and in every byte of a workspace."""

import gzip
import re
import sqlite3
import zipfile
from collections.abc import Iterable
from pathlib import Path

import duckdb

#: What a company brings in, and what only the demo has: not madang's to change.
NOT_OURS = ("inbox", "ga4", "truth", "sandbox.sqlite")
#: Tombstones hold hashes by design.
TOMBSTONES = "erased_identifiers"


def in_warehouse(path: Path, needles: Iterable[str]) -> dict[str, set[str]]:
    """The columns of every table, of every schema, with cells that contain a needle, as text.

    As a word of its own: some hash among millions contains any short id.
    """
    found: dict[str, set[str]] = {}
    with duckdb.connect(str(path), read_only=True) as db:
        tables = db.execute("""
            select schema_name, table_name, list(column_name order by column_index)
            from duckdb_columns() where not internal group by all order by all""").fetchall()
        wanted = [(needle, _word(needle.lower())) for needle in needles]
        db.execute("create temp table needles (needle varchar, needle_word varchar)")
        db.executemany("insert into needles values (?, ?)", wanted)
        any_of_them = "|".join(re.escape(needle.lower()) for needle, _ in wanted)
        for schema, table, columns in tables:
            if table == TOMBSTONES:
                continue
            row = ", ".join(f'"{column}"::varchar' for column in columns)
            sql = f"""
                select count(*) from {schema}."{table}"
                where regexp_matches(lower(concat_ws(chr(10), {row})), ?)"""
            if db.execute(sql, [any_of_them]).fetchone() == (0,):
                continue  # no cell has one, if the row of all cells has none
            for column in columns:
                cell = f'lower("{column}"::varchar)'
                sql = f"""
                    select distinct needle from {schema}."{table}", needles
                    where contains({cell}, lower(needle)) and regexp_matches({cell}, needle_word)"""
                for (needle,) in db.execute(sql).fetchall():
                    found.setdefault(f"{schema}.{table}.{column}", set()).add(needle)
    return found


def _word(needle: str) -> str:
    """A pattern for a needle that is no part of a longer word."""
    return rf"(?:^|[^0-9a-z]){re.escape(needle)}(?:$|[^0-9a-z])"


def in_files(root: Path, needles: Iterable[str]) -> dict[str, set[str]]:
    """The files below a folder whose bytes, unpacked where they are packed, contain a needle."""
    wanted = [(one, one.lower().encode(), one.lower().encode("utf-16-le")) for one in needles]
    found: dict[str, set[str]] = {}
    with duckdb.connect() as db:
        for name, path in _ours(root):
            data = b"\n".join(_contents(path, db)).lower()
            is_wide = b"\0" in data or not data.isascii()
            hits = {
                one for one, narrow, wide in wanted if narrow in data or (is_wide and wide in data)
            }
            if hits:
                found[str(name)] = hits
    return found


def _ours(root: Path) -> Iterable[tuple[Path, Path]]:
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and name.parts[0] not in NOT_OURS:
            yield name, path


def _contents(path: Path, db: duckdb.DuckDBPyConnection) -> Iterable[bytes]:
    yield path.read_bytes()
    if path.suffix == ".parquet":
        rows = db.execute("select columns(*)::varchar from read_parquet(?)", [str(path)])
        yield "\n".join(str(cell) for row in rows.fetchall() for cell in row).encode()
    elif path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            yield from map(packed.read, packed.namelist())
    elif path.suffix == ".sqlite":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            yield "\n".join(db.iterdump()).encode()
