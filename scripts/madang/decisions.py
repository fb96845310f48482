"""What people decided about who is who: the dbt seed `identity_decisions` of the workspace."""

import csv
import io
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from madang.config import Settings
from madang.errors import MadangError

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


def write(settings: Settings, decisions: Iterable[Decision]) -> None:
    """Replace the file, whole or not at all. In the order given, which is the order of deciding."""
    path = path_of(settings)
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    rows.writeheader()
    rows.writerows(asdict(one) for one in decisions)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".csv.new")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text.getvalue())
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
