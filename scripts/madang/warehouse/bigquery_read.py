"""Rows out of BigQuery: as plain values, and as Parquet files that DuckDB writes alike."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from google.cloud.bigquery import SchemaField
from google.cloud.bigquery.table import RowIterator
from pyarrow import parquet

from madang.warehouse import WarehouseError

# Timestamps are UTC and written without a zone, as everywhere in Madang.
ARROW = {
    "STRING": pa.string(),
    "JSON": pa.string(),
    "INTEGER": pa.int64(),
    "INT64": pa.int64(),
    "FLOAT": pa.float64(),
    "FLOAT64": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "DATETIME": pa.timestamp("us"),
    "TIME": pa.time64("us"),
    "NUMERIC": pa.decimal128(38, 9),
    "BIGNUMERIC": pa.decimal256(76, 38),
    "BYTES": pa.binary(),
}


def write_parquet(rows: RowIterator, path: Path) -> int:
    """Write a result to a Parquet file page by page, whole or not at all; return how many rows."""
    fields = list(rows.schema or ())
    schema = pa.schema([(field.name, arrow_type(field)) for field in fields])
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    count = 0
    try:
        with parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
            for page in rows.pages:
                values = [tuple(naive(value) for value in row.values()) for row in page]
                if values:
                    writer.write_batch(_batch(values, schema))
                    count += len(values)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _batch(values: Sequence[tuple], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*values, strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def arrow_type(field: SchemaField) -> pa.DataType:
    """Return a column's type in Parquet. Raises WarehouseError for one that no mart has."""
    if field.field_type in ("RECORD", "STRUCT"):
        kind = pa.struct([(inner.name, arrow_type(inner)) for inner in field.fields])
    elif field.field_type in ARROW:
        kind = ARROW[field.field_type]
    else:
        raise WarehouseError(
            f"The column {field.name} has the type {field.field_type}, which is not exported.",
            fix="Cast it in the model.",
        )
    return pa.list_(kind) if field.mode == "REPEATED" else kind


def naive(value: Any) -> Any:
    """Return a value with its timestamps in UTC and without their mark, as DuckDB gives them."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, list):
        return [naive(one) for one in value]
    if isinstance(value, dict):
        return {name: naive(one) for name, one in value.items()}
    return value
