"""Stops a plan that would change suspiciously much: pure functions of its counts."""

from dataclasses import dataclass

SMALLEST_STATE = 100  # below so many delivered rows, a large share is no sign of a mistake


@dataclass(frozen=True)
class Counts:
    """How many rows (one key and field each) a plan adds, changes, removes and leaves."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0

    @property
    def delivered(self) -> int:
        """Rows that the destination holds before the plan."""
        return self.changed + self.removed + self.unchanged

    @property
    def wanted(self) -> int:
        """Rows that the destination should hold after the plan."""
        return self.added + self.changed + self.unchanged

    @property
    def planned(self) -> int:
        """Rows to send."""
        return self.added + self.changed + self.removed


@dataclass(frozen=True)
class Guard:
    """A tripped guard: `name` for machines, `message` for people."""

    name: str
    message: str


def tripped(total: Counts, by_field: dict[str, Counts], max_share: float) -> list[Guard]:
    """Return the guards that a plan trips, most telling first.

    `empty`: nothing is wanted while something is delivered. `removals` and `changes`: more than
    `max_share` of the delivered rows of one field (or, when no single field shows it, of all) would
    go. Looking at each field catches an audience whose rule broke while the others held.
    """
    if total.wanted == 0 and total.delivered > 0:
        message = (
            f"Nothing is wanted any more: all {total.delivered:,} delivered rows would be removed. "
            "The activation model is empty, or everyone in it is held back."
        )
        return [Guard("empty", message)]
    found = [
        guard
        for field, counts in sorted(by_field.items())
        for guard in _swing(counts, max_share, f"'{field}'")
    ]
    return found or _swing(total, max_share, "all fields")


def _swing(counts: Counts, max_share: float, what: str) -> list[Guard]:
    if counts.delivered < SMALLEST_STATE:
        return []
    found = []
    for name, rows in (("removals", counts.removed), ("changes", counts.changed)):
        share = rows / counts.delivered
        if share > max_share:
            verb = {"removals": "removed", "changes": "changed"}[name]
            message = (
                f"{rows:,} of {counts.delivered:,} delivered rows of {what} ({share:.0%}) would be "
                f"{verb}; the limit is {max_share:.0%}."
            )
            found.append(Guard(name, message))
    return found


def too_small(by_field: dict[str, Counts], least: int) -> list[Guard]:
    """Return a guard for each list that would begin with fewer members than its platform takes.

    One that is there already is never stopped: members who leave must be able to.
    """
    return [
        Guard(
            "size",
            f"'{field}' would begin with {counts.wanted:,} members; under {least:,} it is not "
            "used for advertising.",
        )
        for field, counts in sorted(by_field.items())
        if counts.delivered == 0 and 0 < counts.wanted < least
    ]


def notices(by_field: dict[str, Counts], least: int, use: str) -> list[str]:
    """Say which lists stay under what their platform wants, as far as it can be known before.

    A platform counts the people that it finds, of whom there are at most as many as match keys. So
    nothing is stopped: who leaves must be able to, and a list may be there to exclude people.
    """
    return [
        f"'{field}' will have {counts.wanted:,} match keys; with fewer than {least:,} {use}"
        for field, counts in sorted(by_field.items())
        if 0 < counts.wanted < least
    ]
