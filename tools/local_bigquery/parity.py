"""One project, two warehouses.

Every table of the local BigQuery held against DuckDB's, types and rows.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from local_bigquery import schema
from local_bigquery.catalog import Catalog, Table
from local_bigquery.project import TYPES
from local_bigquery.values import to_python

LAYERS = ("private", "staging", "identity", "activity", "marts", "activation", "reference")
# Where the export lies is not the same on both sides, and so is what depends on it; lists and
# structures are kept as the export has them by one table only.
FILES = {"location", "bytes", "modified_at", "fingerprint"}
NESTED = {"user_info", "device", "geo", "audiences", "user_properties"}
PLACES = {
    "base_ga4__shards": FILES,
    "base_ga4__user_shards": FILES,
    "base_ga4__users": {*NESTED, "user_ltv", "predictions", "privacy_info"},
    "ga4_partitions": {"bytes", "modified_at", "fingerprint", "loaded_at"},
    "stg_builds__days": {"bytes", "modified_at", "fingerprint", "revision", "run_id", "built_at"},
}
# Copies of a hit are dropped as it is written on BigQuery, and as it is read on DuckDB.
WRITTEN_OTHERWISE = {"base_ga4__events"}
DIGITS = 12
# Whole numbers of more digits than INT64 has.
WIDE = ("HUGEINT", "BIGNUMERIC")


@dataclass
class Comparison:
    """How one table compares."""

    table: str
    rows: int
    problems: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return not self.problems


def compare(catalog: Catalog, warehouse: Path, *, prefix: str = "madang") -> list[Comparison]:
    """Compare every table and view of the layers.

    A table that only one side has is a problem too.
    """
    found = []
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        for layer in LAYERS:
            dataset = f"{prefix}_{layer}"
            there = {table.table_id: table for table in catalog.tables_of(catalog.project, dataset)}
            here = {
                name
                for (name,) in connection.execute(
                    "select table_name from information_schema.tables where table_schema = ?",
                    [dataset],
                ).fetchall()
            }
            for name in sorted((here | there.keys()) - WRITTEN_OTHERWISE):
                label = f"{layer}.{name}"
                if name not in here or name not in there:
                    side = "DuckDB" if name in here else "BigQuery"
                    found.append(Comparison(label, 0, [f"only in {side}"]))
                    continue
                relation = f'"{dataset}"."{name}"'
                found.append(_compare(label, connection, relation, catalog, there[name]))
    return found


def _compare(
    label: str, connection: Any, relation: str, catalog: Catalog, table: Table
) -> Comparison:
    skipped = PLACES.get(table.table_id, set())
    described = connection.execute(f"describe {relation}").fetchall()
    kinds = {name: kind for name, kind, *_ in described}
    here = {name: TYPES.get(kind, kind) for name, kind in kinds.items()}
    there = {column.name: schema.sql_name(column.type) for column in table.columns}
    comparison = Comparison(label, 0)
    if list(here) != list(there):
        comparison.problems.append(f"columns: {list(here)} in DuckDB, {list(there)} in BigQuery")
    for name in (here.keys() & there.keys()) - skipped:
        if here[name] != there[name] and (kinds[name], there[name]) != WIDE:
            comparison.problems.append(
                f"type of {name}: {here[name]} in DuckDB, {there[name]} in BigQuery"
            )
    names = [name for name in here if name in there and name not in skipped]
    quoted = ", ".join(f'"{name}"' for name in names)
    duckdb_rows = connection.execute(f"select {quoted} from {relation}").fetchall()
    content = catalog.relation(table.name).content()
    places = [(table.position(name), table.columns[table.position(name)].type) for name in names]
    bigquery_rows = (
        [to_python(row.cell[place], type_) for place, type_ in places]
        for row in content.table_data.row
    )
    _compare_rows(comparison, names, _plain(duckdb_rows), _plain(bigquery_rows))
    return comparison


def _compare_rows(
    comparison: Comparison, names: list[str], here: Counter[Any], there: Counter[Any]
) -> None:
    comparison.rows = sum(here.values())
    only_here, only_there = here - there, there - here
    if not only_here and not only_there:
        return
    comparison.problems.append(
        f"{sum(here.values())} rows in DuckDB, {sum(there.values())} in BigQuery; "
        f"{sum(only_here.values())} and {sum(only_there.values())} of them without a twin"
    )
    for row in list(only_here)[:3]:
        alike = Counter({twin: _equal_values(row, twin) for twin in only_there})
        (twin, equal) = alike.most_common(1)[0] if alike else (None, 0)
        if twin is None or 2 * equal < len(names):
            comparison.problems.append(f"only in DuckDB: {dict(zip(names, row, strict=True))}")
            continue
        differences = {
            name: (left, right)
            for name, left, right in zip(names, row, twin, strict=True)
            if left != right
        }
        comparison.problems.append(f"{names[0]} {row[0]}: {differences}")
    if not only_here:
        row = next(iter(only_there))
        comparison.problems.append(f"only in BigQuery: {dict(zip(names, row, strict=True))}")


def _equal_values(row: Sequence[Any], other: Sequence[Any]) -> int:
    return sum(left == right for left, right in zip(row, other, strict=True))


def _plain(rows: Iterable[Iterable[Any]]) -> Counter[Any]:
    return Counter(tuple(_value(value) for value in row) for row in rows)


def _value(value: Any) -> Any:
    """Floats to twelve significant digits, instants without zone, lists and structs hashable."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, list):
        return tuple(_value(part) for part in value)
    if isinstance(value, dict):
        return tuple((name, _value(part)) for name, part in value.items())
    return value
