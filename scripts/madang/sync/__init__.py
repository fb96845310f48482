"""Sends what the warehouse wants to the destinations, and remembers what each of them accepted."""

from madang.errors import MadangError


class SyncError(MadangError):
    """A plan cannot be made or sent. `result` holds what was sent before it stopped, if anything.

    A run that stops half way leaves the rest planned: applying again goes on where it stopped.
    """

    result = None  # RunResult of the run that stopped; set by the engine


class DestinationRefused(SyncError):
    """The destination will not take anything from us: a wrong key, a wrong host, a wrong path."""


class DestinationUnclear(SyncError):
    """The destination answered, and it cannot be understood whether it took what it was sent."""


class DestinationDown(SyncError):
    """The destination did not answer, or kept failing, for as long as we may wait."""


class DestinationLimited(DestinationDown):
    """The destination asks to wait longer than a run may, and took nothing of the request."""
