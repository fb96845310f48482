"""What a data extension of Marketing Cloud looks like: its columns, and what fits into them.

https://help.salesforce.com/s/articleView?id=mktg.mc_es_data_extension_data_types.htm
(types and their lengths; the name and the external key of a data extension)
"""

import re
from typing import Annotated, Literal, Protocol

from pydantic import Field, model_validator

from madang.specs.strict import Strict
from madang.sync.destinations.base import Definition
from madang.sync.destinations.row_columns import Sources
from madang.sync.destinations.rows import WrongRow, texts

KEY_LENGTH = 50  # of the column with the contact key, as we describe it
LENGTHS = {"Text": 4000, "EmailAddress": 254, "Phone": 50}
NAME = re.compile(r"[A-Za-z0-9_-]{1,36}")  # an external key has 36 characters at most
NUMBER = re.compile(r"-?\d{1,10}")
DECIMAL = re.compile(r"-?\d{1,29}([.]\d+)?")
DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(Z)?)?")
SHAPES = {"Number": NUMBER, "Decimal": DECIMAL, "Date": DATE}


class Column(Strict):
    """A column. `from` says what of the person it holds; texts may have a `length`."""

    source: Annotated[Sources, Field(alias="from")]
    type: Literal["Text", "EmailAddress", "Phone", "Number", "Decimal", "Date"] = "Text"
    length: Annotated[int, Field(ge=1, le=LENGTHS["Text"])] | None = None

    @model_validator(mode="after")
    def _only_texts_have_one(self) -> "Column":
        if self.length is not None and self.type != "Text":
            raise ValueError(f"a column of type {self.type} takes no length.")
        return self

    @property
    def room(self) -> int | None:
        """How many characters it holds; None where it holds no text."""
        return self.length or LENGTHS.get(self.type)

    def problem(self, value: str) -> str | None:
        """Say why a value does not fit, without it; None where it does."""
        if self.room is not None and len(value) > self.room:
            return f"holds {self.room} characters, and the value has {len(value)}"
        shape = SHAPES.get(self.type)
        if shape is not None and not shape.fullmatch(value):
            return f"is a {self.type}, and the value is none"
        return None


class Options(Protocol):
    """What a row is held to."""

    key_column: str
    columns: dict[str, Column]


def check_row(value: str | None, key: str, options: Options) -> None:
    """Raises WrongRow where a row is not what the data extension takes."""
    row = texts(value)
    if row.get(options.key_column) != key:
        raise WrongRow(f"Its column {options.key_column} is not the row's key.")
    if len(key) > KEY_LENGTH:
        raise WrongRow(f"Its key is longer than {KEY_LENGTH} characters.")
    for name, told in row.items():
        column = options.columns.get(name)
        if column is None and name != options.key_column:
            raise WrongRow(f"The sync names no column '{name[:40]}'.")
        if column is not None and told is not None and (problem := column.problem(told)):
            raise WrongRow(f"The column '{name}' {problem}.")


def name_problem(field: str) -> str | None:
    """Say why no data extension could have this external key, or None."""
    if NAME.fullmatch(field):
        return None
    return f"'{field}' is no external key: 1 to 36 letters, digits, - and _."


def definition(name: str, key_column: str, columns: dict[str, Column]) -> Definition:
    """Return what to create for a data extension."""
    key = (key_column, "Text", str(KEY_LENGTH), "primary key, required")
    others = [
        (column, one.type, str(one.room or ""), "empty values allowed")
        for column, one in columns.items()
    ]
    texts = (
        f"external key: {name}",
        f"sendable: {key_column} relates to Subscriber Key",
        "without a primary key Marketing Cloud takes no rows",
    )
    return Definition(name, (key, *others), texts)
