"""What can go wrong in loading: the whole load, or one file of it."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from madang.errors import MadangError


class LoadError(MadangError):
    """Nothing can be loaded: no inbox, no files, or a path that does not exist."""


class NothingToLoad(LoadError):
    """There are folders, and no file in them."""


@dataclass(frozen=True)
class Reason:
    """One thing for which a file cannot be used, in English and Korean. No values of the file."""

    english: str
    korean: str = ""
    fix_en: str = ""
    fix_ko: str = ""


class FileRefused(LoadError):
    """One file cannot be used as a whole. Its message never holds a value of the file.

    `reasons` are all that is wrong with it.
    """

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        fix: str | None = None,
        reasons: Sequence[Reason] = (),
    ) -> None:
        super().__init__(message, where=where, fix=fix)
        self.reasons = tuple(reasons) or (Reason(message, fix_en=fix or ""),)

    @classmethod
    def of(cls, reasons: Sequence[Reason]) -> Self:
        """The refusal for several reasons, all told at once."""
        fixes = dict.fromkeys(reason.fix_en for reason in reasons if reason.fix_en)
        message = "\n".join(reason.english for reason in reasons)
        return cls(message, fix=" ".join(fixes) or None, reasons=reasons)


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
