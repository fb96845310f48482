"""Moments for the ledgers of what was loaded: the wall clock's, and never before the last one.

The newest snapshot, the newest state of a record and the last word on a held file are found by
these moments, so they must follow one another as the loads did. A clock is set back, and runs
ahead: then a moment is the one after the last. What the clock said stands in `_files.clock_at`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from madang.warehouse import Warehouse

LEDGERS = {"_files": "loaded_at", "_held_files": "happened_at", "_pulls": "happened_at"}


def wall_clock() -> datetime:
    """Return what the machine's clock says, in UTC."""
    return datetime.now(UTC)


@dataclass
class LedgerClock:
    """Gives moments in their order. One command at a time may load."""

    warehouse: Warehouse
    _last: datetime | None = None

    def now(self) -> datetime:
        """Return a moment later than every one before, in UTC."""
        present = wall_clock()
        last = self._last or self._in_ledgers() or present
        self._last = max(present, last + timedelta(microseconds=1))
        return self._last

    def _in_ledgers(self) -> datetime | None:
        found = []
        for table, column in LEDGERS.items():
            if self.warehouse.exists("raw", table):
                relation = self.warehouse.relation("raw", table)
                rows = self.warehouse.fetch(f"select max({column}) as last from {relation}")
                found += [row["last"] for row in rows if row["last"] is not None]
        return max(found).replace(tzinfo=UTC) if found else None
