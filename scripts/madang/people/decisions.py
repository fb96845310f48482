"""What people decided about who is who: the dbt seed `identity_decisions` of the workspace."""

import csv
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from madang import private
from madang.errors import MadangError
from madang.settings.workspace import Settings

NAME = "identity_decisions.csv"
KINDS = ("must_link", "never_link", "exclude")


class DecisionError(MadangError):
    """The decisions cannot be read, or one cannot be made. Nothing was written."""

    exit_code = 2


@dataclass(frozen=True)
class Decision:
    """One row. Values as `identifiers` stores them; the right side is empty to exclude."""

    decision: str
    left_type: str
    left_value: str
    right_type: str
    right_value: str
    author: str
    reason: str
    decided_at: str

    @property
    def ends(self) -> frozenset[tuple[str, str]]:
        """The identifiers that it is about; which one stands left says nothing."""
        pairs = ((self.left_type, self.left_value), (self.right_type, self.right_value))
        return frozenset(pair for pair in pairs if pair[1])


COLUMNS = tuple(field.name for field in fields(Decision))


def path_of(settings: Settings) -> Path:
    """Return where the decisions of a workspace are."""
    return settings.paths.decisions / NAME


def ensure(settings: Settings) -> Path:
    """Return the folder of the decisions, with an empty table in it where there is none."""
    if not path_of(settings).exists():
        with private.held(path_of(settings)):
            if not path_of(settings).exists():  # since it was looked at
                write(settings, [])
    return settings.paths.decisions


def read(settings: Settings) -> list[Decision]:
    """Return all decisions. Raises DecisionError, with the line, for a file that is damaged."""
    path = path_of(settings)
    if not path.exists():
        return []
    fix = "Correct the line, or take it out."
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise DecisionError(
                f"The first line must be {','.join(COLUMNS)}", where=f"{path}:1", fix=fix
            )
        found = []
        try:
            for row in rows:
                where = f"{path}:{rows.line_num}"
                if None in row or None in row.values():
                    raise DecisionError("A row has more or fewer cells.", where=where, fix=fix)
                one = Decision(**row)
                if one.decision not in KINDS or len(one.ends) != 1 + (one.decision != "exclude"):
                    message = "A decision is must_link or never_link of two, or exclude of one."
                    raise DecisionError(message, where=where, fix=fix)
                found.append(one)
        except csv.Error as error:
            raise DecisionError(
                f"Not a CSV file: {error}.", where=f"{path}:{rows.reader.line_num}", fix=fix
            ) from error
    return found


def add(settings: Settings, made: Decision, known: Sequence[Decision]) -> None:
    """Add a decision to those that it was weighed against.

    Raises DecisionError where the file holds others meanwhile.
    """
    with private.held(path_of(settings)):
        if read(settings) != list(known):
            raise DecisionError(
                "The decisions were changed while this one was made; nothing was written.",
                where=str(path_of(settings)),
                fix="Decide again: what was decided meanwhile may bear on it.",
            )
        write(settings, [*known, made])


def forget(settings: Settings, values: Container[str]) -> int:
    """Take decisions about these identifiers out of the file; return how many."""
    if not path_of(settings).exists():
        return 0
    with private.held(path_of(settings)):
        decided = read(settings)
        left = [one for one in decided if one.left_value not in values]
        left = [one for one in left if one.right_value not in values]
        if len(left) < len(decided):
            write(settings, left)
    return len(decided) - len(left)


def write(settings: Settings, decisions: Iterable[Decision]) -> None:
    """Replace the file, whole or not at all, while nobody else changes it.

    In the order given, which is the order of deciding.
    """
    with private.whole(path_of(settings), newline="") as file:
        rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        rows.writeheader()
        rows.writerows(asdict(one) for one in decisions)
