"""Files of load jobs as rows: newline-delimited JSON, CSV, Parquet."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import TableContent

from local_bigquery import schema
from local_bigquery.engine import Column
from local_bigquery.server.errors import BigQueryError
from local_bigquery.values import write_row

Record = dict[str, Any]


def read(
    data: bytes, config: dict[str, Any], columns: list[Column] | None
) -> tuple[list[Column], TableContent]:
    """Columns and rows of a file. `columns` is None where the file itself must tell them.

    Raises BigQueryError naming the row that does not fit; `maxBadRecords` rows may be left out.
    """
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    form = config.get("sourceFormat", "CSV")
    reader = READERS.get(form)
    if reader is None:
        raise BigQueryError(f"The local server does not load {form}.", "notImplemented")
    found, records = reader(data, config, columns)
    return found, _rows(records, found, config)


def _rows(records: Iterator[Record], columns: list[Column], config: dict[str, Any]) -> TableContent:
    content = TableContent()
    content.table_data.SetInParent()
    known = {column.name.lower() for column in columns}
    forgiven = int(config.get("maxBadRecords") or 0)
    for number, record in enumerate(records, start=1):
        row = content.table_data.row.add()
        try:
            unknown = [name for name in record if name.lower() not in known]
            if unknown and not config.get("ignoreUnknownValues"):
                raise ValueError(f"No such field: {unknown[0]}.")
            write_row(row, record, columns)
        except ValueError as error:
            if forgiven:
                forgiven -= 1
                del content.table_data.row[-1]
                continue
            raise BigQueryError(
                "Error while reading data, error message: too many errors, giving up. "
                f"Rows: {number}; errors: 1. {error}",
                "invalid",
            ) from None
    return content


def _ndjson(
    data: bytes, config: dict[str, Any], columns: list[Column] | None
) -> tuple[list[Column], Iterator[Record]]:
    lines = [line for line in data.decode().split("\n") if line.strip()]
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise BigQueryError(
                "Error while reading data, error message: "
                f"JSON parsing error in row {number}: {error.msg}",
                "invalid",
            ) from None
    return columns or _guessed(records), iter(records)


def _guessed(records: list[Record]) -> list[Column]:
    """Columns of flat JSON records, by the values' own types."""
    kinds = {bool: "BOOL", int: "INT64", float: "FLOAT64", str: "STRING"}
    found: dict[str, str] = {}
    for record in records:
        for name, value in record.items():
            if value is not None:
                found.setdefault(name, kinds.get(type(value), "JSON"))
    return schema.columns_of([{"name": name, "type": kind} for name, kind in found.items()])


def _csv(
    data: bytes, config: dict[str, Any], columns: list[Column] | None
) -> tuple[list[Column], Iterator[Record]]:
    reader = csv.reader(
        io.StringIO(data.decode(config.get("encoding") or "utf-8"), newline=""),
        delimiter=config.get("fieldDelimiter") or ",",
        quotechar=config.get("quote") or '"',
    )
    lines = list(reader)
    skipped = int(config.get("skipLeadingRows") or 0)
    if columns is None:
        header = lines[0] if lines else []
        columns = schema.columns_of([{"name": name, "type": "STRING"} for name in header])
        skipped = max(skipped, 1)
    null = config.get("nullMarker") or ""

    def records() -> Iterator[Record]:
        for number, line in enumerate(lines[skipped:], start=skipped + 1):
            if len(line) > len(columns) or (
                len(line) < len(columns) and not config.get("allowJaggedRows")
            ):
                raise BigQueryError(
                    "Error while reading data, error message: CSV table references column position "
                    f"{len(line)}, but line {number} has {len(line)} columns.",
                    "invalid",
                )
            names = (column.name for column in columns)
            yield {
                name: None if text == null else text
                for name, text in zip(names, line, strict=False)
            }

    return columns, records()


def _parquet(
    data: bytes, config: dict[str, Any], columns: list[Column] | None
) -> tuple[list[Column], Iterator[Record]]:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(io.BytesIO(data))
    found = schema.columns_of([_arrow_field(field.name, field.type) for field in table.schema])
    if columns is not None:
        types = {column.name.lower(): column for column in columns}
        found = [types.get(column.name.lower(), column) for column in found]
        found += [
            column
            for column in columns
            if column.name.lower() not in {known.name.lower() for known in found}
        ]
    return found, iter(table.to_pylist())


def _arrow_field(name: str, type_: Any) -> dict[str, Any]:
    """The schema field that BigQuery gives a Parquet column."""
    from pyarrow import types

    if types.is_list(type_) or types.is_large_list(type_):
        return _arrow_field(name, type_.value_type) | {"mode": "REPEATED"}
    if types.is_struct(type_):
        parts = [_arrow_field(part.name, part.type) for part in type_]
        return {"name": name, "type": "RECORD", "fields": parts}
    if types.is_timestamp(type_):
        return {"name": name, "type": "TIMESTAMP" if type_.tz else "DATETIME"}
    kinds = {
        "INT64": types.is_integer,
        "FLOAT64": types.is_floating,
        "BOOL": types.is_boolean,
        "DATE": types.is_date,
        "TIME": types.is_time,
        "NUMERIC": types.is_decimal,
        "BYTES": lambda kind: types.is_binary(kind) or types.is_large_binary(kind),
    }
    kind = next((name for name, is_kind in kinds.items() if is_kind(type_)), "STRING")
    return {"name": name, "type": kind}


READERS = {"NEWLINE_DELIMITED_JSON": _ndjson, "CSV": _csv, "PARQUET": _parquet}
