"""What statements read of a DuckDB warehouse, by its own plans, and how large that is on BigQuery.

DuckDB's plan of a statement names the columns that it needs of every table, and the conditions that
it pushed down to it: as BigQuery reads columns, and partitions. Sizes are BigQuery's logical ones.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb

from madang.warehouse import Warehouse

# A plan must not leave out a table because no day changed: it would be read if one had.
PLAN_AS_IF_ROWS_WERE_THERE = "set disabled_optimizers = 'statistics_propagation'"
FILES = ("READ_PARQUET", "READ_JSON", "READ_NDJSON")
SAMPLE_ROWS = 200_000
COMPARED = r"\s*(=|<|>|IN\b|BETWEEN\b)"
# Logical bytes of a value. Source: cloud.google.com/bigquery/pricing#data
SIZES = {"boolean": 1, "decimal": 16, "interval": 16}
NUMBER = 8
Relation = tuple[str, str]


@dataclass(frozen=True)
class Read:
    """One reading of a table: its columns, and those that the reading is held to values of.

    `table` is None for files of the GA4 export.
    """

    table: Relation | None
    columns: frozenset[str]
    bounded_by: frozenset[str] = frozenset()


class Sizes:
    """Sizes of the columns of tables and files, asked for once."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._known: dict[str, dict[str, float]] = {}
        self._rows: dict[str, int] = {}

    def of_table(self, table: Relation, columns: Iterable[str]) -> float:
        """Bytes of some columns over all rows of a table."""
        source = ".".join(self._warehouse.dialect.quoted(part) for part in table)
        return self.rows(source) * self._of(source, columns)

    def of_files(self, files: Sequence[str], columns: Iterable[str]) -> float:
        """Bytes of some columns in an average row of files of the export."""
        names = ", ".join(self._warehouse.dialect.literal(file) for file in files)
        reader = "read_parquet" if files[0].endswith(".parquet") else "read_json"
        return self._of(f"{reader}([{names}], union_by_name = true)", columns)

    def rows(self, source: str) -> int:
        if source not in self._rows:
            found = self._warehouse.fetch(f"select count(*) as n from {source}")
            self._rows[source] = int(found[0]["n"])
        return self._rows[source]

    def _of(self, source: str, columns: Iterable[str]) -> float:
        known = self._columns(source)
        return sum(known.get(column.lower(), 0.0) for column in columns)

    def _columns(self, source: str) -> dict[str, float]:
        """Bytes of each column in an average row."""
        if source not in self._known:
            described = self._warehouse.fetch(f"describe from {source}")
            names = [row["column_name"] for row in described]
            parts = [
                row_size(_quoted(row["column_name"]), duckdb.sqltype(row["column_type"]))
                for row in described
            ]
            selected = ", ".join(f"avg({part}) as c{n}" for n, part in enumerate(parts))
            rows = self._warehouse.fetch(f"select {selected} from {self._sampled(source)}")[0]
            self._known[source] = {
                name.lower(): float(rows[f"c{n}"] or 0) for n, name in enumerate(names)
            }
        return self._known[source]

    def _sampled(self, source: str) -> str:
        if source.startswith("read_") or self.rows(source) <= SAMPLE_ROWS:
            return source
        share = 100 * SAMPLE_ROWS / self.rows(source)
        return f"{source} tablesample system({share:.4f} percent) repeatable (1)"


def row_size(value: str, kind: Any, depth: int = 0) -> str:
    """The SQL expression of how many logical bytes a value takes: none for a null."""
    if kind.id == "struct":
        parts = [row_size(f"{value}.{_quoted(name)}", part, depth) for name, part in kind.children]
        return f"({' + '.join(parts)})"
    if kind.id == "list":
        ((_, element),) = kind.children
        item = f"item{depth}"
        inner = row_size(item, element, depth + 1)
        return f"coalesce(list_sum(list_transform({value}, lambda {item}: {inner})), 0)"
    if kind.id in ("varchar", "blob"):
        length = "strlen" if kind.id == "varchar" else "octet_length"
        return f"coalesce(2 + {length}({value}), 0)"
    return f"(case when {value} is null then 0 else {SIZES.get(kind.id, NUMBER)} end)"


@dataclass(frozen=True)
class Plans:
    """What statements read of a warehouse. `columns` are those of its tables."""

    warehouse: Warehouse

    @cached_property
    def columns(self) -> Mapping[Relation, frozenset[str]]:
        """The tables and views that are there, with their columns."""
        found: dict[Relation, set[str]] = {}
        for row in self.warehouse.fetch(
            "select table_schema, table_name, column_name from information_schema.columns"
        ):
            relation = (row["table_schema"], row["table_name"])
            found.setdefault(relation, set()).add(row["column_name"])
        return {relation: frozenset(names) for relation, names in found.items()}

    def reads(self, sql: str) -> list[Read]:
        """The readings of a query."""
        self.warehouse.execute(PLAN_AS_IF_ROWS_WERE_THERE)
        (row,) = self.warehouse.fetch(f"explain (format json) {sql}")
        return [
            read
            for root in json.loads(row["explain_value"])
            for operator in _operators(root)
            if (read := self._read(operator)) is not None
        ]

    def _read(self, operator: Mapping[str, Any]) -> Read | None:
        told = operator["extra_info"]
        projected = {name.split(".")[0] for name in _texts(told.get("Projections"))}
        if told.get("Function") in FILES or operator["name"].strip() in FILES:
            return Read(None, frozenset(projected))
        if not told.get("Table"):
            return None
        relation = tuple(part.strip('"') for part in told["Table"].split("."))[-2:]
        known = self.columns.get(relation, frozenset())
        filters = " and ".join(_texts(told.get("Filters")))
        named = {name for name in known if re.search(rf"\b{re.escape(name)}\b", filters)}
        bounded = {
            name for name in named if re.search(rf"\b{re.escape(name)}\b{COMPARED}", filters)
        }
        return Read(relation, frozenset((projected & known) | named), frozenset(bounded))


def _operators(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node["children"]:
        yield from _operators(child)


def _texts(told: Any) -> list[str]:
    """What a plan says of one thing: nothing, a text, or a list of texts."""
    return [told] if isinstance(told, str) else list(told or ())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
