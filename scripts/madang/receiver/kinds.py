"""What can be received: one kind for each source table that says so, and the check of its items."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from madang.ingest.sources import read_sources
from madang.ingest.tables import SourceTable
from madang.receiver.fields import Clock, item_model
from madang.receiver.findings import Finding, findings_of

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

    def check(self, item: Any, clock: Clock) -> Texts | list[Finding]:
        """Return an item's texts in the order of `columns`, or everything that is wrong with it."""
        try:
            checked = self.model.model_validate(item, context=clock)
        except ValidationError as error:
            return findings_of(error, {one.name: one.type for one in self.table.columns})
        return tuple(getattr(checked, name) for name in self.columns)

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
