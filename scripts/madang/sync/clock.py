"""The wall clock of the ledger, and names that tell it.

A pinned `as_of` repeats a build; it does not repeat a delivery. So what was sent when is told by
the real clock, also in the demo. Nothing is ordered by it: a clock is set back, and runs ahead.
"""

import secrets
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def new_id(now: datetime) -> str:
    """Return a unique name that tells the time: 20261101T030000123456-9f3a1c."""
    return f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"


def stamp(moment: datetime) -> str:
    """Return a UTC timestamp without a zone, as the tables hold it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
