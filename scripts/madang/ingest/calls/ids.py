"""Ids of requests: unique, and ordered by the time at which they were made."""

import secrets
import time
from datetime import datetime


class RequestIds:
    """Makes request ids that are unique and, within a process, sort in the order of their making.

    An id is `rq_`, 14 hex digits of microseconds since 1970, 8 that are the process's own.
    """

    def __init__(self, after: str | None = None) -> None:
        self._own = secrets.token_hex(4)
        self._last = int(after[3:17], 16) if after else 0

    def next(self) -> str:
        """Return a new id, later than every one before, also when the clock was set back."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return f"{_id_at(self._last)}{self._own}"


def id_before(moment: datetime) -> str:
    """Return what every id that was made before a moment is smaller than."""
    return _id_at(int(moment.timestamp() * 1_000_000))


def _id_at(microseconds: int) -> str:
    return f"rq_{microseconds:014x}"
