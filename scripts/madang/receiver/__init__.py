"""Takes calls of partners over HTTP and keeps them, durably, until the next load.

A kind of call is a source table with `config.meta.load.receive`: its mapping is the contract. The
receiver writes to one SQLite file (`paths.received`) and never to the warehouse.
"""

from madang.errors import MadangError


class ReceiverError(MadangError):
    """The receiver cannot start: packages, an address, keys or kinds are missing."""


__all__ = ["ReceiverError"]
