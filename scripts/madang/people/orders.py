"""The orders of a person, from the activities that tell of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from madang import times
from madang.warehouse import Row

COLUMNS = ("order", "placed on", "amount", "status", "activities")
#: What stands in the place of an order's id where there is none.
NO_ORDER = ("", "(not set)")


@dataclass(frozen=True)
class Order:
    """One order of a person, by all that is told of it. `status` is the last thing that was."""

    number: int
    object_id: str
    placed_at: datetime
    amount: str | None
    status: str
    activities: int

    @classmethod
    def of(cls, number: int, object_id: str, rows: list[Row]) -> Self:
        """Make it of its activities, the oldest first."""
        paid = [row for row in rows if (row["value"] or 0) > 0]
        return cls(
            number,
            object_id,
            rows[0]["occurred_at"],
            amount_of(paid[-1]) if paid else None,
            rows[-1]["action"],
            len(rows),
        )

    def told(self, zone: str) -> tuple:
        """Return it for a table, with the day in a time zone."""
        day = times.day(self.placed_at, zone)
        return self.number, day, self.amount, self.status, self.activities


def orders_in(rows: Iterable[Row]) -> list[Order]:
    """Return the orders among activities (the oldest first), however many sources tell of one."""
    told: dict[str, list[Row]] = {}
    for row in rows:
        if row["object_id"] not in NO_ORDER:
            told.setdefault(row["object_id"], []).append(row)
    return [
        Order.of(number, object_id, activities)
        for number, (object_id, activities) in enumerate(told.items(), start=1)
    ]


def amount_of(row: Row) -> str | None:
    """Return the value of an activity in words; None where it has none."""
    return f"{row['value']:,.0f} {row['currency'] or ''}".strip() if row["value"] else None
