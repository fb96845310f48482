"""The one door to the tables: a small Protocol, and the warehouse that the settings name."""

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from madang import private
from madang.errors import MadangError
from madang.settings.workspace import Settings
from madang.warehouse.dialects import Dialect

Row = dict[str, Any]


class WarehouseError(MadangError):
    """The warehouse cannot be opened, is in use, or refuses a statement."""


class Warehouse(Protocol):
    """What the commands need from a warehouse. Timestamps without a zone are UTC."""

    dialect: Dialect
    scratch: Path
    """Where its scratch files go: `paths.scratch`."""

    def check(self) -> None:
        """Raise WarehouseError for what would stop a build before it began."""

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run one statement."""

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one query and return its rows as dicts."""

    def export(self, sql: str, path: Path) -> int:
        """Write a query's rows to a Parquet file, whole or not at all; return how many."""

    def append(
        self, layer: str, table: str, parquet: Path, once: tuple[str, str] | None = None
    ) -> int:
        """Add a Parquet file's rows to a table by column name, all or none; return how many.

        Creates the layer and the table when they are missing, and adds missing columns. `once` is
        a column and the value that all rows of the file have there, and no other rows: where the
        table has such rows already, nothing is added.
        """

    def sparing(self, memory: str) -> AbstractContextManager[None]:
        """Take no more memory than this meanwhile, where it is this process's and can do with it.

        Rows that no query puts in an order have none then.
        """

    def exists(self, layer: str, table: str) -> bool:
        """Say whether a table or view is there."""

    def columns(self, layer: str) -> dict[str, list[str]]:
        """Return the tables and views of a layer, by name, with their columns in order."""

    def relation(self, layer: str, table: str) -> str:
        """Return the quoted name for SQL."""

    def ensure_layer(self, layer: str) -> None:
        """Create the schema of a layer when it is missing."""

    def drop_layer(self, layer: str) -> None:
        """Remove the schema of a layer with all that is in it, where it is there."""


@contextmanager
def open_warehouse(settings: Settings, *, read_only: bool = False) -> Iterator[Warehouse]:
    """Open the warehouse of a workspace and close it at the end.

    With `read_only`, several processes may read at once; a missing warehouse is then an error.
    Raises WarehouseError, with the holder's process id when another process is writing.
    """
    private.only_owner()
    if settings.warehouse.type == "bigquery":
        if not _is_installed("google.cloud.bigquery"):
            raise WarehouseError(
                "BigQuery needs packages that are not installed.",
                where=f"{settings.config_path}, warehouse.type",
                fix="pip install 'madang[bigquery]'",
            )
        from madang.warehouse.bigquery import BigQueryWarehouse as Chosen
    else:
        from madang.warehouse.duckdb import DuckDBWarehouse as Chosen

    warehouse = Chosen.open(settings, read_only=read_only)
    try:
        yield warehouse
    finally:
        warehouse.close()


def may_be_built(settings: Settings) -> bool:
    """Return False where there is surely nothing yet, without opening the warehouse."""
    return settings.warehouse.type != "duckdb" or settings.warehouse.path.exists()


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
