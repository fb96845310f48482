"""Run the generator's SQL files in one DuckDB that forgets everything afterwards."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from madang.demo.world import World


class Engine:
    """A DuckDB in memory with the world's variables and macros; spills below `scratch`."""

    def __init__(
        self, world: World, scratch: Path, connection: duckdb.DuckDBPyConnection | None = None
    ) -> None:
        is_first = connection is None
        self._world = world
        self._scratch = scratch
        self._connection = connection or duckdb.connect(config={"temp_directory": str(scratch)})
        self._connection.execute("set TimeZone = 'UTC'")
        for name, value in world.variables().items():
            self.set_variable(name, value)
        if is_first:
            self.run("macros")

    def beside(self) -> "Engine":
        """A second door to the same tables, for another thread."""
        return Engine(self._world, self._scratch, self._connection.cursor())

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def set_variable(self, name: str, value: object) -> None:
        """Make a value readable in SQL as `getvariable(name)`."""
        self._connection.execute(f"set variable {name} = $value", {"value": value})

    def run(self, name: str) -> None:
        """Execute one file of `sql/`."""
        self._connection.execute(sql_text(name))

    def execute(self, sql: str) -> None:
        """Execute one statement."""
        self._connection.execute(sql)

    def execute_with(self, sql: str, values: tuple[Any, ...]) -> None:
        """Execute one statement with positional values."""
        self._connection.execute(sql, values)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._connection.execute(sql).fetchall()

    def records(self, sql: str) -> list[dict[str, Any]]:
        """All rows of a query, by column name."""
        result = self._connection.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def write_parquet(self, sql: str, path: Path) -> None:
        """Write a query's rows, in its order, as one Parquet file."""
        self._copy(sql, path, "format parquet, compression zstd")

    def write_csv(self, sql: str, path: Path) -> None:
        """Write a query's rows, in its order, as CSV with a header."""
        self._copy(sql, path, "format csv, header true")

    def _copy(self, sql: str, path: Path, options: str) -> None:
        target = str(path).replace("'", "''")
        self._connection.execute(f"copy ({sql}) to '{target}' ({options})")


def sql_text(name: str) -> str:
    """The text of one file of `sql/`."""
    return (files("madang.demo") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
