"""What an object is in this org: which of its fields become which columns of the raw table."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from madang.errors import did_you_mean
from madang.ingest.tables import SourceTable
from madang.pull import ObjectFailed

CHANGED_AT = "modified_at"  # the column that the bookmark is about
LONGEST_NUMBER = 400  # digits; no double has more before its point
NUMBERS = frozenset({"currency", "double", "int", "long", "percent"})


@dataclass(frozen=True)
class Field:
    """A field of the org that fills a column; `kind` is its type in the describe."""

    column: str
    name: str
    kind: str

    def text(self, value: Any) -> str:
        """A value of the API (JSON's, or CSV's text) as a file would hold it."""
        if value is None:
            return ""
        if value is True or value is False:
            return "true" if value else "false"
        text = str(value)
        if self.kind in NUMBERS and "e" in text.lower():  # 1.2E7, as Java writes it
            number = Decimal(text)
            return format(number, "f") if abs(number.adjusted()) < LONGEST_NUMBER else text
        return text


@dataclass(frozen=True)
class Chosen:
    """The fields to ask for, in the order of the columns, and columns that no field fills."""

    object: str
    fields: tuple[Field, ...]
    missing: tuple[str, ...]

    @property
    def changed_at(self) -> str:
        """The field that tells when a record last changed."""
        return next(field.name for field in self.fields if field.column == CHANGED_AT)

    @property
    def signature(self) -> str:
        """Which field fills which column, as one text."""
        return ",".join(f"{field.column}={field.name}" for field in self.fields)


def choose(table: SourceTable, described: Mapping[str, Any], own: Mapping[str, str]) -> Chosen:
    """Choose, for every column, the field that madang.yml names, else the first of the column's
    `headers` that the org has and the login sees.

    `described` is the answer of `sobjects/<object>/describe`. Raises ObjectFailed without a field
    for a required column or for the moment of change.
    """
    name = table.pull or ""
    known = {str(one["name"]).lower(): one for one in described.get("fields", [])}
    columns = [column.name for column in table.columns]
    for column in own:
        if column not in columns:
            raise ObjectFailed(
                f"salesforce.fields names a column that {table.label} does not have: {column}."
                f"{did_you_mean(column, columns)}",
                fix=f"Columns: {', '.join(columns)}.",
            )
    fields, missing = [], []
    for column in table.columns:
        wanted = [own[column.name]] if column.name in own else column.headers
        found = next((known[one.lower()] for one in wanted if one.lower() in known), None)
        if found:
            fields.append(Field(column.name, str(found["name"]), str(found.get("type", ""))))
            continue
        missing.append(column.name)
        if column.required or column.name == CHANGED_AT:
            raise ObjectFailed(
                f"{name} has no field for the column '{column.name}' that the login may read.",
                fix=f"Let the user of the login read {' or '.join(wanted[:2])}, or name another "
                f"field at salesforce.fields.{name}.{column.name}.",
            )
    return Chosen(name, tuple(fields), tuple(missing))
