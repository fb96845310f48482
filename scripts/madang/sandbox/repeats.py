"""What a local server accepted more than once, as its platform would see it."""

from collections.abc import Hashable
from datetime import datetime, timedelta

TWO_DAYS = timedelta(hours=48)


class Repeats:
    """`known`: rows that came again and change nothing. `counted`: those that count once more."""

    def __init__(self) -> None:
        self.known = self.counted = 0
        self._first: dict[Hashable, datetime] = {}

    def note(self, event: Hashable, now: datetime, within: timedelta | None) -> None:
        """Note an event by what its platform knows doubles by, for so long; None: for ever."""
        first = self._first.get(event)
        if first is not None and (within is None or now - first < within):
            self.known += 1
            return
        self.counted += first is not None
        self._first[event] = now
