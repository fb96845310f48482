"""Fetches what a tool holds through its own API, and lands it as if it were a file."""

from madang.errors import MadangError


class PullError(MadangError):
    """Nothing more can be pulled now: no login, no answer, no calls left.

    What landed before stays; the same command goes on from there.
    """


class ObjectFailed(PullError):
    """One object cannot be pulled; the others can. `code` is Salesforce's own word for why."""

    code = ""


class ObjectMissing(ObjectFailed):
    """The org has no such object, or the user of the login does not see it."""
