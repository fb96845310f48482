"""The one door to the tables: a small Protocol, and the warehouse that the settings name."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from madang.config import Settings
from madang.errors import MadangError

Row = dict[str, Any]


class WarehouseError(MadangError):
    """The warehouse cannot be opened, is in use, or refuses a statement."""


class Warehouse(Protocol):
    """What the commands need from a warehouse. Timestamps without a zone are UTC."""

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        """Run one statement."""

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one query and return its rows as dicts."""

    def export(self, sql: str, path: Path) -> int:
        """Write a query's rows to a Parquet file, whole or not at all; return how many."""

    def append(self, layer: str, table: str, parquet: Path) -> int:
        """Add a Parquet file's rows to a table by column name; return how many.

        Creates the layer and the table when they are missing, and adds missing columns.
        """

    def exists(self, layer: str, table: str) -> bool:
        """Say whether a table or view is there."""

    def relation(self, layer: str, table: str) -> str:
        """Return the quoted name for SQL."""

    def ensure_layer(self, layer: str) -> None:
        """Create the schema of a layer when it is missing."""


@contextmanager
def open_warehouse(settings: Settings, *, read_only: bool = False) -> Iterator[Warehouse]:
    """Open the warehouse of a workspace and close it at the end.

    With `read_only`, several processes may read at once; a missing warehouse is then an error.
    Raises WarehouseError, with the holder's process id when another process is writing.
    """
    if settings.warehouse.type != "duckdb":
        raise WarehouseError(
            f"The commands that move data do not support '{settings.warehouse.type}' yet.",
            where=f"{settings.config_path}, warehouse.type",
            fix="Use 'type: duckdb', or run dbt alone with --target bigquery for the models.",
        )
    from madang.warehouse.duckdb import DuckDBWarehouse

    warehouse = DuckDBWarehouse.open(settings, read_only=read_only)
    try:
        yield warehouse
    finally:
        warehouse.close()
