"""How BigQuery cuts a table.

PARTITION BY expressions, partition ids of rows, decorators (table$20261031).
"""

import re
from typing import TYPE_CHECKING, Any

from local_bigquery.engine import Row
from local_bigquery.values import to_python

if TYPE_CHECKING:
    from local_bigquery.catalog import Table

FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
UNPARTITIONED = "__UNPARTITIONED__"
NULL = "__NULL__"

COLUMN = re.compile(r"`?(\w+)`?$")
TRUNCATED = re.compile(
    r"(?:date|datetime|timestamp)_trunc\( ?`?(\w+)`? ?, ?(\w+) ?\)$", re.IGNORECASE
)
DAY_OF = re.compile(r"date\( ?`?(\w+)`? ?\)$", re.IGNORECASE)
RANGE = re.compile(
    r"range_bucket\( ?`?(\w+)`? ?, ?generate_array\( ?(-?\d+) ?, ?(-?\d+) ?, ?(\d+) ?\) ?\)$",
    re.IGNORECASE,
)


def properties_of(expression: str) -> dict[str, Any]:
    """The REST properties of a table with that PARTITION BY.

    Raises ValueError for a form that BigQuery does not know.
    """
    text = re.sub(r"\s+", " ", expression).strip()
    if match := COLUMN.match(text) or DAY_OF.match(text):
        return {"timePartitioning": {"type": "DAY", "field": match[1]}}
    if (match := TRUNCATED.match(text)) and match[2].upper() in FORMATS:
        return {"timePartitioning": {"type": match[2].upper(), "field": match[1]}}
    if match := RANGE.match(text):
        bounds = {"start": match[2], "end": match[3], "interval": match[4]}
        return {"rangePartitioning": {"field": match[1], "range": bounds}}
    raise ValueError(
        "PARTITION BY expression must be DATE(<timestamp_column>), DATE(<datetime_column>), "
        "DATETIME_TRUNC(<datetime_column>, DAY/HOUR/MONTH/YEAR), a DATE column, "
        "TIMESTAMP_TRUNC(<timestamp_column>, DAY/HOUR/MONTH/YEAR), "
        "DATE_TRUNC(<date_column>, MONTH/YEAR), or "
        "RANGE_BUCKET(<int64_column>, "
        "GENERATE_ARRAY(<int64_value>, <int64_value>[, <int64_value>]))"
    )


def partition_id(table: "Table", row: Row) -> str:
    """The id of the partition in which a row of the table lies."""
    column = table.position(table.partition_column)
    value = to_python(row.cell[column], table.columns[column].type)
    if value is None:
        return NULL
    if cut := table.properties.get("rangePartitioning"):
        start, end, step = (int(cut["range"][name]) for name in ("start", "end", "interval"))
        if not start <= value < end:
            return UNPARTITIONED
        return str(start + (value - start) // step * step)
    return value.strftime(FORMATS[table.properties["timePartitioning"]["type"]])


def rows_by_partition(table: "Table") -> dict[str, list[Row]]:
    """A table's rows by partition.

    A table that is not cut has one, without a name, as BigQuery lists it.
    """
    if table.partition_column is None:
        return {"": list(table.rows.table_data.row)} if table.kind == "TABLE" else {}
    found: dict[str, list[Row]] = {}
    for row in table.rows.table_data.row:
        found.setdefault(partition_id(table, row), []).append(row)
    return dict(sorted(found.items()))


def split_decorator(table_id: str) -> tuple[str, str | None]:
    """`table$20261031` as ("table", "20261031"); without decorator the second is None."""
    name, mark, partition = table_id.partition("$")
    return name, partition if mark else None
