"""Errors that a person can act on: what is wrong, where, and what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class MadangError(Exception):
    """Something the user can mend. Shown as one block of text, never as a traceback.

    `message` says what is wrong, `where` names the file (and line, sheet, row) and `fix` says
    what to do about it. `exit_code` is the exit code of the command: 1 failed, 2 wrong use or
    configuration, 3 done in part.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"where: {self.where}")
        if self.fix:
            lines.append(f"fix:   {self.fix}")
        return "\n".join(lines)


@dataclass(frozen=True, order=True)
class Problem:
    """One finding in a file that a person wrote. `line` counts from 1; 0 means the whole file."""

    file: str
    line: int
    message: str
    fix: str | None = None

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class SpecError(MadangError):
    """A rule, mapping or sync definition that does not hold together, with every problem found."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        fix: str | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
        super().__init__(message, where=where, fix=fix)
        self.problems = list(problems)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> "SpecError":
        """Build the error from problems: one is told whole, several become a list."""
        if len(problems) == 1:
            first = problems[0]
            return cls(first.message, where=first.where, fix=first.fix, problems=problems)
        lines = [f"{len(problems)} problems:"]
        lines += [f"  {p.where}: {p.message}" for p in sorted(problems, key=_by_place)]
        return cls("\n".join(lines), problems=problems)


class ConfigError(SpecError):
    """madang.yml, the command line or the environment says something that cannot be used."""


class UsageError(MadangError):
    """A command was given something that does not exist, such as an unknown audience."""

    exit_code = 2


def is_panic(error: BaseException) -> bool:
    """Whether native code (Rust) gave up; Python sees that as a BaseException, like an exit."""
    return type(error).__name__ == "PanicException"


def did_you_mean(word: object, choices: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest of `choices`, or "" when none is close."""
    known = [str(choice) for choice in choices]  # YAML makes a truth of a key such as no
    close = get_close_matches(str(word), known, n=1, cutoff=0.6)
    if not close:
        lowered = {choice.lower(): choice for choice in known}
        close = [lowered[m] for m in get_close_matches(str(word).lower(), lowered, n=1, cutoff=0.6)]
    return f" Did you mean '{close[0]}'?" if close else ""


def _by_place(problem: Problem) -> tuple[str, int]:
    return problem.file, problem.line
