"""Requests to other machines: where they go, who we are there, how often, and how much is read."""

from madang.errors import MadangError


class HttpError(MadangError):
    """A request cannot be answered: the other side is down, refuses us, or its answer was lost."""
