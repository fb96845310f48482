"""A table's options and its CREATE statement in SQL, from the properties of its REST resource."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local_bigquery import schema

if TYPE_CHECKING:
    from local_bigquery.catalog import Table

PAIRS = "ARRAY<STRUCT<STRING, STRING>>"

# Option → property and type; the documented options of tables and views.
OPTIONS = {
    "description": ("description", "STRING"),
    "friendly_name": ("friendlyName", "STRING"),
    "labels": ("labels", PAIRS),
    "expiration_timestamp": ("expirationTime", "TIMESTAMP"),
    "require_partition_filter": ("requirePartitionFilter", "BOOL"),
    "partition_expiration_days": ("partitionExpirationDays", "FLOAT64"),
    "kms_key_name": ("kmsKeyName", "STRING"),
    "default_rounding_mode": ("defaultRoundingMode", "STRING"),
    "enable_change_history": ("enableChangeHistory", "BOOL"),
    "max_staleness": ("maxStaleness", "STRING"),
    "enable_refresh": ("enableRefresh", "BOOL"),
    "refresh_interval_minutes": ("refreshIntervalMinutes", "FLOAT64"),
    "privacy_policy": ("privacyPolicy", "STRING"),
    "tags": ("tags", PAIRS),
    "storage_uri": ("storageUri", "STRING"),
    "file_format": ("fileFormat", "STRING"),
    "table_format": ("tableFormat", "STRING"),
}


def options(properties: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Name, type and value, as SQL writes it, of every option that is set."""
    for name, (known, kind) in sorted(OPTIONS.items()):
        value = properties.get(known)
        if value is not None and value not in ({}, ""):
            yield name, kind, _written(value, kind)


def create_statement(table: "Table") -> str:
    """The statement that makes the table anew: columns, partitions, clusters, options."""
    name = f"`{table.name}`"
    told = ",\n".join(f"  {option}={value}" for option, _, value in options(table.properties))
    tail = [f"OPTIONS(\n{told}\n)"] if told else []
    if table.sql is not None:
        what = table.kind.replace("_", " ")
        return "\n".join([f"CREATE {what} {name}", *tail, f"AS {table.sql};"])
    columns = ",\n".join(f"  {one.name} {schema.sql_name(one.type)}" for one in table.columns)
    clustering = table.properties.get("clustering", {}).get("fields")
    layout = [f"PARTITION BY {_partition(table)}"] if table.partition_column else []
    layout += [f"CLUSTER BY {', '.join(clustering)}"] if clustering else []
    return "\n".join([f"CREATE TABLE {name}", f"(\n{columns}\n)", *layout, *tail]) + ";"


def _partition(table: "Table") -> str:
    column = table.partition_column or ""
    if cut := table.properties.get("rangePartitioning"):
        bounds = ", ".join(str(cut["range"][part]) for part in ("start", "end", "interval"))
        return f"RANGE_BUCKET({column}, GENERATE_ARRAY({bounds}))"
    kind = schema.sql_name(table.columns[table.position(column)].type)
    part = table.properties["timePartitioning"].get("type", "DAY")
    if part == "DAY":
        return column if kind == "DATE" else f"DATE({column})"
    return f"{kind}_TRUNC({column}, {part})"


def _written(value: Any, kind: str) -> str:
    if kind == PAIRS:
        pairs = (f"STRUCT({_quoted(name)}, {_quoted(told)})" for name, told in value.items())
        return f"[{', '.join(pairs)}]"
    if kind == "BOOL":
        return str(bool(value)).lower()
    if kind == "FLOAT64":
        return repr(float(value))
    if kind == "TIMESTAMP":
        moment = datetime.fromtimestamp(int(value) / 1000, UTC)
        return f'TIMESTAMP "{moment:%Y-%m-%dT%H:%M:%S}.000Z"'
    return _quoted(str(value))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
