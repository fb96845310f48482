"""Says which rows fail a data test: how many, the keys of some, and where its query is."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

from madang.errors import MadangError
from madang.masks import mask
from madang.settings.workspace import Settings
from madang.warehouse import Row, open_warehouse

if TYPE_CHECKING:
    from madang.build.dbt import Node

SHOWN = 5
KEY = re.compile(
    r"\w+_(key|id|no|date|type)|unique_field|from_field|value_field|rows_found|broken|n_records"
)
#: A test of one column gives that column alone, which tells nothing of where it stands.
ONE_COLUMN = re.compile(r"\A\s*select\s+\w+\s+from\s+(?=\S+\s+where\b)", re.IGNORECASE)


def failing_rows(settings: Settings, node: "Node") -> list[str]:
    """Return lines about the rows that fail a test, without personal data.

    Hashes, dates and counts are shown, other values masked. Nothing is asked of BigQuery, where
    the question costs what the test did.
    """
    if node.kind != "test" or not node.failures:
        return []
    told = []
    if settings.warehouse.type == "duckdb" and node.compiled:
        told = list(_rows(settings, node.compiled))
    if len(told) < node.failures and told:
        told.append(f"and {node.failures - len(told):,} more")
    path = settings.root / node.compiled_path if node.compiled_path else None
    return [*told, *([f"query: {path}"] if path else [])]


def _rows(settings: Settings, compiled: str) -> Iterator[str]:
    sql = ONE_COLUMN.sub("select * from ", compiled.strip().rstrip(";"))
    try:
        with open_warehouse(settings, read_only=True) as warehouse:
            rows = warehouse.fetch(f"select * from ({sql}\n) as failing limit {SHOWN}")
    except MadangError:
        return  # the test itself has told what is wrong
    for row in rows:
        yield ", ".join(f"{name} {_shown(name, value)}" for name, value in _keys(row).items())


def _keys(row: Row) -> Row:
    """The row's keys; its first columns where none looks like one."""
    keys = {name: value for name, value in row.items() if KEY.fullmatch(name)}
    return dict(list((keys or row).items())[:4])


def _shown(name: str, value: object) -> str:
    if value is None:
        return "(empty)"
    if isinstance(value, date | datetime | bool) or name in ("rows_found", "broken", "n_records"):
        return str(value)
    text = str(value)
    if name.endswith("_type") or re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{64}", text):
        return text
    return mask("email" if "@" in text else "phone" if text[:1] == "+" else "id", text)
