"""What the warehouse knows of its builds: the last one, the last good one, and by which clock."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from madang import times
from madang.settings.workspace import Settings
from madang.warehouse import Row, Warehouse

TABLE = "builds"
State = Literal["good", "failed", "not ended"]


@dataclass(frozen=True)
class Build:
    """One run of dbt that made tables. Moments are in UTC; `ended_at` is None where it has none."""

    command: str
    started_at: datetime
    ended_at: datetime | None
    as_of: datetime
    is_pinned: bool
    is_part: bool
    failed: int
    warned: int

    @property
    def state(self) -> State:
        """Whether it ended, and well. One that has not ended is at work, or was killed."""
        if self.ended_at is None:
            return "not ended"
        return "failed" if self.failed else "good"


@dataclass(frozen=True)
class Builds:
    """The last run, the last run of all tables, and the last one of all tables that ended well."""

    last: Build | None = None
    last_whole: Build | None = None
    last_good: Build | None = None


def builds_of(warehouse: Warehouse) -> Builds:
    """Return the builds that matter; none before the first one."""
    if not warehouse.exists("ledger", TABLE):
        return Builds()
    relation = warehouse.relation("ledger", TABLE)

    def newest(where: str) -> Build | None:
        rows = warehouse.fetch(
            f"select * from {relation} where {where} order by build_number desc limit 1"
        )
        return _build(rows[0]) if rows else None

    return Builds(
        newest("true"),
        newest("not is_part"),
        newest("not is_part and ended_at is not null and failed = 0"),
    )


def another_clock(settings: Settings, warehouse: Warehouse) -> str | None:
    """Say that the tables were built by another clock than the workspace's; None where not.

    A workspace that pins no clock goes by the real one: tables of any such build are its own.
    """
    last = builds_of(warehouse).last
    if last is None:
        return None
    built = times.told(last.as_of, settings.timezone)
    if settings.as_of is None:
        if not last.is_pinned:
            return None
        return f"The tables were built by a clock pinned to {built}; madang.yml pins none."
    if last.as_of.replace(microsecond=0) == settings.now().replace(microsecond=0):
        return None
    pinned = times.told(settings.now(), settings.timezone)
    return (
        f"The tables were built by the clock {built} ({last.command}); "
        f"madang.yml pins it to {pinned}."
    )


def _build(row: Row) -> Build:
    return Build(
        command=row["command"],
        started_at=row["started_at"].replace(tzinfo=UTC),
        ended_at=row["ended_at"].replace(tzinfo=UTC) if row["ended_at"] else None,
        as_of=row["as_of"].replace(tzinfo=UTC),
        is_pinned=bool(row["is_pinned"]),
        is_part=bool(row["is_part"]),
        failed=row["failed"] or 0,
        warned=row["warned"] or 0,
    )
