"""What can be received: one kind for each source table that says so, and the check of its items."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from madang.ingest.sources import read_sources
from madang.ingest.tables import SourceTable
from madang.receiver.fields import Clock, item_model
from madang.receiver.findings import MOST, Findings, findings_of

Texts = tuple[str | None, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of call: its name in the address, the table it lands in, the shape of an item.

    `columns` are those of an item's texts, in their order.
    """

    name: str
    table: SourceTable
    model: type[BaseModel]
    columns: tuple[str, ...]

    def check(self, item: Any, clock: Clock) -> Texts | Findings:
        """Return an item's texts in the order of `columns`, or what is wrong with it."""
        checked = self.read(item, clock)
        return checked if isinstance(checked, tuple) else self.findings(checked)

    def read(self, item: Any, clock: Clock) -> Texts | ValidationError:
        """Return an item's texts, or what the model says against it, not yet put into words."""
        try:
            if isinstance(item, dict) and len(item) > len(self.columns) + MOST:
                raise _too_many_fields(self.columns)  # each would be looked at before it is said
            checked = self.model.model_validate(item, context=clock)
        except ValidationError as error:
            return error
        return tuple(getattr(checked, name) for name in self.columns)

    def findings(self, error: ValidationError, most: int = MOST) -> Findings:
        """Put what the model says into words, at most so many."""
        return findings_of(error, {one.name: one.type for one in self.table.columns}, most)

    def key_of(self, item: Any) -> str | None:
        """Return the number by which the partner knows an item, where it has a plain one."""
        found = item.get(self.table.key[0]) if isinstance(item, dict) else None
        return found if isinstance(found, str) and len(found) <= 200 else None


def read_kinds(project_dir: Path) -> dict[str, Kind]:
    """Return the kinds of a project by name. Raises SpecError for mappings with mistakes."""
    kinds: dict[str, Kind] = {}
    for table in read_sources(project_dir):
        if table.receive:
            columns = tuple(column.name for column in table.columns)
            kinds[table.receive] = Kind(table.receive, table, item_model(table), columns)
    return kinds


def _too_many_fields(columns: Sequence[str]) -> ValidationError:
    message = "The item has far more fields than there are."
    fix = f"Known fields: {', '.join(columns)}."
    problem = PydanticCustomError("too_many_fields", message, {"fix": fix})
    details = InitErrorDetails(type=problem, loc=(), input=None)
    return ValidationError.from_exception_data("item", [details])
