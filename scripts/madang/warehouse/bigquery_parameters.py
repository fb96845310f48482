"""Values beside a statement instead of in it: `?` as everywhere in Madang, names for BigQuery."""

import itertools
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from google.cloud import bigquery

# bool before int and datetime before date: each is also the other.
TYPES: tuple[tuple[type, str], ...] = (
    (bool, "BOOL"),
    (int, "INT64"),
    (float, "FLOAT64"),
    (Decimal, "NUMERIC"),
    (datetime, "TIMESTAMP"),
    (date, "DATE"),
    (str, "STRING"),
)


def parameter(name: str, value: Any) -> bigquery.ScalarQueryParameter:
    """Return a value as a named parameter; a timestamp without a zone is UTC."""
    kind = next((name for kind, name in TYPES if isinstance(value, kind)), "STRING")
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return bigquery.ScalarQueryParameter(name, kind, value)


def with_names(sql: str) -> str:
    """Write every `?` outside of quotes as @p1, @p2, …"""
    numbers = itertools.count(1)

    def named(found: re.Match[str]) -> str:
        return f"@p{next(numbers)}" if found[0] == "?" else found[0]

    return re.sub(r"'(?:\\.|[^'\\])*'|`[^`]*`|\?", named, sql)
