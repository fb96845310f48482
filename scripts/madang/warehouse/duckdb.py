"""The embedded warehouse: one DuckDB file, opened by one writer or by several readers."""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb

from madang import private, scratch
from madang.settings.workspace import Settings
from madang.storage import in_words, storage_error
from madang.warehouse import Row, WarehouseError
from madang.warehouse.dialects import DUCKDB

quoted, literal = DUCKDB.quoted, DUCKDB.literal
# Of a new file: the oldest version whose texts are written fast. profiles.yml.example has it too.
STORAGE = "v1.3.0"
Found = TypeVar("Found")


class DuckDBWarehouse:
    """One open connection to a DuckDB file; see the Protocol `Warehouse`."""

    dialect = DUCKDB

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
        self._connection = connection
        self._schema = settings.warehouse.schema_
        self._path = settings.warehouse.path
        self._memory_limit = settings.warehouse.memory_limit
        self._at_ease = ""  # the memory that there is, while less is taken
        self.scratch = settings.paths.scratch

    @classmethod
    def open(cls, settings: Settings, *, read_only: bool = False) -> Self:
        """Open the file of the settings, creating it unless `read_only`. Raises WarehouseError."""
        path = settings.warehouse.path
        if read_only and not path.exists():
            raise WarehouseError(
                "There is no warehouse yet.",
                where=str(path),
                fix="Run 'madang load' and 'madang build' first.",
            )
        config: dict[str, Any] = {
            "threads": settings.warehouse.threads,
            "storage_compatibility_version": STORAGE,
        }
        try:
            config["temp_directory"] = spill_folder(settings)
        except scratch.ScratchError:
            if not read_only:
                raise
            config["temp_directory"] = ""  # where nothing can be written, what is there can be read
        if settings.warehouse.memory_limit:
            config["memory_limit"] = settings.warehouse.memory_limit
        try:
            private.folder(path.parent)
            connection = duckdb.connect(str(path), read_only=read_only, config=config)
        except OSError as error:
            told = storage_error(error, path)
            message = told.message if told else f"Cannot write here: {error.strerror}."
            fix = told.fix if told else None
            raise WarehouseError(message, where=str(path), fix=fix) from error
        except duckdb.Error as error:
            raise open_error(error, path) from error
        connection.execute("set TimeZone = 'UTC'")
        if not read_only:
            _remove_leftovers(path)
        return cls(connection, settings)

    def close(self) -> None:
        self._connection.close()

    def check(self) -> None:
        """Nothing more than what opening the file has shown."""

    @contextlib.contextmanager
    def sparing(self, memory: str) -> Iterator[None]:
        """A statement that cannot do with it is run again with as much as the settings allow."""
        if self._memory_limit is None:  # else it is said how much there is
            self._at_ease = self.fetch("select current_setting('memory_limit') as most")[0]["most"]
            self._run(f"set memory_limit = {literal(memory)}")
            self._run("set preserve_insertion_order = false")
        try:
            yield
        finally:
            self._spare_no_more()

    def _spare_no_more(self) -> None:
        if self._at_ease:
            self._run(f"set memory_limit = {literal(self._at_ease)}")
            self._run("set preserve_insertion_order = true")
            self._at_ease = ""

    def _again_with_more(self, work: Callable[[], Found]) -> Found:
        try:
            return work()
        except WarehouseError as error:
            if not self._at_ease or not isinstance(error.__cause__, duckdb.OutOfMemoryException):
                raise
        self._spare_no_more()
        return work()

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        self._again_with_more(lambda: self._run(sql, params))

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        def rows() -> list[Row]:
            result = self._run(sql, params)
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

        return self._again_with_more(rows)

    def export(self, sql: str, path: Path) -> int:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            target = literal(str(partial))
            copy = f"copy ({sql}) to {target} (format parquet, compression zstd)"
            rows = self._again_with_more(lambda: self._run(copy).fetchall()[0][0])
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return int(rows)

    def append(
        self, layer: str, table: str, parquet: Path, once: tuple[str, str] | None = None
    ) -> int:
        return self._again_with_more(lambda: self._append(layer, table, parquet, once))

    def _append(self, layer: str, table: str, parquet: Path, once: tuple[str, str] | None) -> int:
        self.ensure_layer(layer)
        relation = self.relation(layer, table)
        source = f"read_parquet({literal(str(parquet))})"
        self._run("begin transaction")
        try:
            self._run(f"create table if not exists {relation} as from {source} limit 0")
            known = {row["column_name"] for row in self.fetch(f"describe {relation}")}
            for column in self.fetch(f"describe from {source}"):
                if column["column_name"] not in known:
                    name = quoted(column["column_name"])
                    self._run(f"alter table {relation} add column {name} {column['column_type']}")
            if once:
                there = f"select count(*) as n from {relation} where {quoted(once[0])} = "
                if rows := self.fetch(there + literal(once[1]))[0]["n"]:
                    self._run("rollback")
                    return int(rows)
            inserted = self._run(f"insert into {relation} by name from {source}").fetchall()
            self._run("commit")
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # what failed may have ended the transaction
                self._connection.rollback()
            raise
        return int(inserted[0][0])

    def exists(self, layer: str, table: str) -> bool:
        schema = literal(f"{self._schema}_{layer}")
        return bool(
            self.fetch(
                "select 1 from information_schema.tables "
                f"where table_schema = {schema} and table_name = {literal(table)}"
            )
        )

    def columns(self, layer: str) -> dict[str, list[str]]:
        sql = f"""
            select table_name, column_name from information_schema.columns
            where table_schema = {literal(f"{self._schema}_{layer}")}
            order by table_name, ordinal_position"""
        tables: dict[str, list[str]] = {}
        for row in self.fetch(sql):
            tables.setdefault(row["table_name"], []).append(row["column_name"])
        return tables

    def relation(self, layer: str, table: str) -> str:
        return f"{quoted(f'{self._schema}_{layer}')}.{quoted(table)}"

    def ensure_layer(self, layer: str) -> None:
        self._run(f"create schema if not exists {quoted(f'{self._schema}_{layer}')}")

    def drop_layer(self, layer: str) -> None:
        self._run(f"drop schema if exists {quoted(f'{self._schema}_{layer}')} cascade")

    def _run(self, sql: str, params: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        """Run a statement. Parameters make DuckDB import pandas where it is installed, which takes
        longer than most statements, so that none are used where a literal will do.
        """
        try:
            return self._connection.execute(sql, list(params) or None)
        except duckdb.Error as error:
            if told := in_words(str(error), self._path):
                raise WarehouseError(told.message, where=told.where, fix=told.fix) from error
            raise WarehouseError(
                f"The warehouse refused a statement: {first_line(error)}", where=str(self._path)
            ) from error


def spill_folder(settings: Settings, part: str | None = None) -> str:
    """Return where DuckDB puts what does not fit into memory: rows, until it closes the file."""
    return str(scratch.part(settings.paths.scratch, part) / "spill")


def _remove_leftovers(path: Path) -> None:
    """Remove what a killed dbt or erasure left beside a warehouse that nobody else has open now."""
    shutil.rmtree(f"{path}.tmp", ignore_errors=True)  # where dbt spills without madang
    for left in (f"{path}.part", f"{path}.part.wal"):
        Path(left).unlink(missing_ok=True)


def open_error(error: duckdb.Error, path: Path) -> WarehouseError:
    """Say in plain words why DuckDB could not open a file."""
    text = str(error)
    if told := in_words(text, path):
        return WarehouseError(told.message, where=told.where, fix=told.fix)
    if "lock" in text.lower():
        holder = re.search(r"PID (\d+)", text)
        who = f"another process (process id {holder[1]})" if holder else "another process"
        return WarehouseError(
            f"The warehouse file is in use by {who}.",
            where=str(path),
            fix="Wait for that run to end, or close the program that has the file open. "
            "BI tools can read the published files in the marts folder at any time.",
        )
    if "different configuration" in text:
        return WarehouseError(
            "The warehouse is already open in this process with other settings.",
            where=str(path),
            fix="Close that connection before running this.",
        )
    if "not a valid DuckDB database" in text:
        return WarehouseError(
            "This file is not a DuckDB database.",
            where=str(path),
            fix="Correct warehouse.path in madang.yml, or move the file away.",
        )
    if "version number" in text:
        return WarehouseError(
            f"This file was written by another DuckDB version: {first_line(error)}",
            where=str(path),
            fix="Use the DuckDB version that wrote it, or move the file away and build again.",
        )
    return WarehouseError(f"Cannot open the warehouse: {first_line(error)}", where=str(path))


def first_line(error: Exception) -> str:
    """The first line of a DuckDB message, without the excerpt of the statement."""
    return str(error).strip().splitlines()[0]
