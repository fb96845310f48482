"""Which Currents files were read: by name, size and time, so that a second look opens none."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime

from madang.ingest.landing.land import add_rows
from madang.ingest.tables import SourceTable
from madang.warehouse import Warehouse

TABLE = "_currents_files"
TYPES = {int: "bigint", str: "varchar", datetime: "timestamp"}


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One file that was read. `modified_us`: microseconds since 1970. `loaded_at`: UTC, naive."""

    source: str
    file: str
    bytes: int
    modified_us: int
    sha256: str
    event_type: str
    events: int
    rejected: int
    loaded_at: datetime


def read_files(warehouse: Warehouse, table: SourceTable) -> dict[str, ReadFile]:
    """Return the last reading of every file of a source, by name."""
    if not warehouse.exists("raw", TABLE):
        return {}
    names = ", ".join(one.name for one in fields(ReadFile))
    rows = warehouse.fetch(
        f"select {names} from {warehouse.relation('raw', TABLE)} "
        f"where source = {warehouse.dialect.literal(table.label)} order by loaded_at"
    )
    return {row["file"]: ReadFile(**row) for row in rows}


def landed_since(warehouse: Warehouse, table: SourceTable, last: datetime | None) -> set[str]:
    """Return the fingerprints of files whose rows are in, though a load was cut off before the
    ledger knew: rows that are younger than `last`, the ledger's newest entry.
    """
    if not warehouse.exists("raw", table.identifier):
        return set()
    sql = f"select distinct _sha256 from {warehouse.relation('raw', table.identifier)}"
    if last is not None:
        sql += f" where _loaded_at > timestamp '{last.isoformat(sep=' ')}'"
    return {row["_sha256"] for row in warehouse.fetch(sql)}


def remember(warehouse: Warehouse, files: Sequence[ReadFile]) -> None:
    """Enter files in the ledger."""
    if not files:
        return
    columns = {one.name: TYPES[one.type] for one in fields(ReadFile)}
    add_rows(warehouse, TABLE, columns, [astuple(one) for one in files])
