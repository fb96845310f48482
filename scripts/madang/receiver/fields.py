"""The shape of an item, made of a source's mapping: a pydantic model with one field a column.

The model is what the schema publishes. What lands is decided by the loader's own check of the
column's type, so that a call and a file cannot be read differently; JSON is only held to more:
no other spellings of a choice, moments with their offset, numbers without units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationInfo,
    create_model,
)
from pydantic_core import PydanticCustomError

from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.signs import has_control
from madang.ingest.checks.values import checker
from madang.ingest.readers.cells import cleaned
from madang.ingest.tables import SourceColumn, SourceTable

MOMENT = (
    r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
AMOUNT = r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LARGEST = 10**15 - 1


@dataclass(frozen=True, slots=True)
class Clock:
    """The moments between which a moment of an item may lie."""

    earliest: datetime
    latest: datetime

    @classmethod
    def around(cls, now: datetime, max_hours_ahead: float) -> "Clock":
        """From 2000 to some hours ahead of `now`."""
        return cls(EARLIEST, now + timedelta(hours=max_hours_ahead))


def _text(longest: int, pattern: str | None = None) -> Any:
    return Annotated[
        StrictStr, StringConstraints(min_length=1, max_length=longest, pattern=pattern)
    ]


Number = Annotated[StrictInt | StrictFloat, Field(ge=-LARGEST, le=LARGEST)]
SHAPES: dict[str, Any] = {
    "id": _text(200, r"^\S+$"),
    "text": _text(20_000, r"\S"),
    "name": _text(400, r"\S"),
    "email": _text(320, r"^\S+$"),
    "phone": _text(100, r"[0-9]"),
    "date": _text(10, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    "timestamp": _text(40, MOMENT),
    "amount": Number | _text(30, AMOUNT),
    "integer": Annotated[StrictInt, Field(ge=-LARGEST, le=LARGEST)],
    "boolean": StrictBool,
}
NOTES = {
    "email": "One address, or its SHA-256 in hex.",
    "phone": "One telephone number, or the SHA-256 in hex of +82….",
    "timestamp": "RFC 3339 with an offset, such as 2026-10-06T14:30:00+09:00.",
    "amount": "A number, or its digits as text.",
}
EXAMPLES: dict[str, Any] = {
    "date": "2026-10-06",
    "timestamp": "2026-10-06T14:30:00+09:00",
    "phone": "010-1234-5678",
    "email": "name@company.example",
    "amount": 12000,
    "integer": 1,
    "boolean": True,
}


def item_model(table: SourceTable) -> type[BaseModel]:
    """Return the model of an item of a table: unknown fields are errors, null is as absent."""
    name = "".join(part.capitalize() for part in (table.receive or table.name).split("-"))
    fields = {column.name: _field(column) for column in table.columns}
    config = ConfigDict(extra="forbid", title=name, protected_namespaces=())
    return create_model(f"{name}Item", __config__=config, **fields)


def _field(column: SourceColumn) -> tuple[Any, Any]:
    shape = Literal[tuple(column.choices)] if column.choices else SHAPES[column.type]
    described = " ".join(part for part in (column.description, NOTES.get(column.type)) if part)
    checked = AfterValidator(_check(column))
    examples = [EXAMPLES[column.type]] if column.type in EXAMPLES else None
    info = {"description": described or None, "examples": examples}
    if column.required:
        return Annotated[shape, checked], Field(**info)
    return Annotated[shape | None, checked], Field(default=None, **info)


def _check(column: SourceColumn) -> Callable[[Any, ValidationInfo], str | None]:
    """The loader's check of a column, and what it makes of a value that JSON can hold."""
    check = checker(column.type, UTC, column.spellings)
    is_moment = column.type == "timestamp"

    def check_value(value: Any, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if isinstance(value, str) and has_control(value):
            raise _refused("control_character", "The text holds a control character.", "Remove it.")
        cell = cleaned(value)
        if cell is None:
            raise _refused("blank", "The text is blank.", "Leave the field out, or send null.")
        outcome = check(cell)
        if isinstance(outcome, CellProblem):
            raise _refused(outcome.code, outcome.english, outcome.fix_en)
        if is_moment and isinstance(info.context, Clock):
            _within(outcome, info.context)
        return outcome

    return check_value


def _within(moment: str, clock: Clock) -> None:
    at = datetime.fromisoformat(moment)
    if at > clock.latest:
        raise _refused(
            "in_the_future",
            "This moment lies too far in the future.",
            "Send when it happened; see whether the clock of the sender is right.",
        )
    if at < clock.earliest:
        raise _refused(
            "before_2000",
            "This moment lies before the year 2000.",
            "Send when it happened; see whether the clock of the sender is right.",
        )


def _refused(code: str, message: str, fix: str) -> PydanticCustomError:
    # braces would be taken for placeholders
    return PydanticCustomError(code, message.replace("{", "{{"), {"fix": fix})
