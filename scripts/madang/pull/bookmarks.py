"""How far each table was pulled, in the raw table `_pulls`. Append-only, after the rows are in.

Events of a table: `begun` (a job was started), `page` (a part of its result landed), `done` (all
landed: the bookmark moved), `failed` (the job will never give a result).
"""

from dataclasses import astuple, dataclass, fields
from datetime import datetime

from madang.ingest.landing.land import add_rows, naive
from madang.ingest.tables import SourceTable
from madang.warehouse import Warehouse

TABLE = "_pulls"
TYPES = {str: "varchar", int: "bigint", datetime: "timestamp"}
KEPT_DAYS = 6  # Salesforce keeps a job's result for seven


@dataclass(frozen=True)
class Pulled:
    """One event. Moments are UTC without a zone. `bookmark`: Salesforce's clock when it was asked;
    everything that was committed until then is in, once the event is `done`.
    """

    source: str
    event: str
    method: str
    job_id: str | None
    locator: str | None
    part: int
    asked_from: datetime | None
    bookmark: datetime
    fields: str
    rows: int
    happened_at: datetime


@dataclass(frozen=True)
class Progress:
    """The last `done` of a table, and the last event of all."""

    done: Pulled | None
    last: Pulled | None

    def open_job(self, signature: str, now: datetime) -> Pulled | None:
        """The job that a pull left behind, if its result is still there and still wanted."""
        last = self.last
        if last is None or last.event not in ("begun", "page") or last.fields != signature:
            return None
        return last if (naive(now) - last.bookmark).days < KEPT_DAYS else None


def progress(warehouse: Warehouse, table: SourceTable) -> Progress:
    """Return how far a table was pulled."""
    if not warehouse.exists("raw", TABLE):
        return Progress(None, None)
    names = [one.name for one in fields(Pulled)]
    told = ", ".join(f"pulls.{name}" for name in names)
    rows = warehouse.fetch(
        f"""
        select {told}
        from {warehouse.relation("raw", TABLE)} as pulls
        where pulls.source = {warehouse.dialect.literal(table.label)}
        qualify row_number() over (partition by pulls.event order by pulls.happened_at desc) = 1
        """
    )
    events = [Pulled(**{name: row[name] for name in names}) for row in rows]
    done = next((one for one in events if one.event == "done"), None)
    return Progress(done, max(events, key=lambda one: one.happened_at, default=None))


def record(warehouse: Warehouse, event: Pulled) -> None:
    """Write an event down."""
    kinds = {"asked_from": "timestamp", "job_id": "varchar", "locator": "varchar"}
    columns = {one.name: kinds.get(one.name) or TYPES[one.type] for one in fields(Pulled)}
    add_rows(warehouse, TABLE, columns, [astuple(event)])
