"""What can go wrong in loading: the whole load, or one file of it."""

import traceback
from typing import Self

from madang.errors import MadangError


class LoadError(MadangError):
    """Nothing can be loaded: no inbox, no files, or a path that does not exist."""


class NothingToLoad(LoadError):
    """There are folders, and no file in them."""


class FileRefused(LoadError):
    """One file cannot be used as a whole. Its message never holds a value of the file."""


class Unforeseen(Exception):
    """What no reader foresaw: the kind of an error and where it was raised, but not its words.

    Those may hold a value of the file. `kind` is the name of its class.
    """

    def __init__(self, kind: str, stack: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.add_note(stack)

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Take an error's kind and stack."""
        return cls(type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
