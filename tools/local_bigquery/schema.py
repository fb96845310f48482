"""BigQuery's three ways of writing a type: REST schema field, GoogleSQL type, and name in SQL."""

from typing import Any

from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

from local_bigquery.engine import Column

SQL_NAMES = {
    type_pb2.TYPE_STRING: "STRING",
    type_pb2.TYPE_BYTES: "BYTES",
    type_pb2.TYPE_INT64: "INT64",
    type_pb2.TYPE_DOUBLE: "FLOAT64",
    type_pb2.TYPE_BOOL: "BOOL",
    type_pb2.TYPE_TIMESTAMP: "TIMESTAMP",
    type_pb2.TYPE_DATE: "DATE",
    type_pb2.TYPE_DATETIME: "DATETIME",
    type_pb2.TYPE_TIME: "TIME",
    type_pb2.TYPE_NUMERIC: "NUMERIC",
    type_pb2.TYPE_BIGNUMERIC: "BIGNUMERIC",
    type_pb2.TYPE_JSON: "JSON",
    type_pb2.TYPE_GEOGRAPHY: "GEOGRAPHY",
    type_pb2.TYPE_INTERVAL: "INTERVAL",
}
REST_NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
KINDS = {name: kind for kind, name in SQL_NAMES.items()} | {
    rest: kind for kind, name in SQL_NAMES.items() if (rest := REST_NAMES.get(name))
}
STRING = TypeProto(type_kind=type_pb2.TYPE_STRING)
INT64 = TypeProto(type_kind=type_pb2.TYPE_INT64)
BOOL = TypeProto(type_kind=type_pb2.TYPE_BOOL)
TIMESTAMP = TypeProto(type_kind=type_pb2.TYPE_TIMESTAMP)


def is_array(type_: TypeProto) -> bool:
    return type_.type_kind == type_pb2.TYPE_ARRAY


def is_struct(type_: TypeProto) -> bool:
    return type_.type_kind == type_pb2.TYPE_STRUCT


def array_of(element: TypeProto) -> TypeProto:
    type_ = TypeProto(type_kind=type_pb2.TYPE_ARRAY)
    type_.array_type.element_type.CopyFrom(element)
    return type_


def struct_of(fields: dict[str, TypeProto]) -> TypeProto:
    type_ = TypeProto(type_kind=type_pb2.TYPE_STRUCT)
    type_.struct_type.SetInParent()
    for name, field_type in fields.items():
        type_.struct_type.field.add(field_name=name, field_type=field_type)
    return type_


def type_of(field: dict[str, Any]) -> TypeProto:
    """The GoogleSQL type of a REST schema field.

    Raises KeyError for a type that BigQuery does not have.
    """
    kind = field["type"].upper()
    if kind in ("RECORD", "STRUCT"):
        type_ = struct_of({part["name"]: type_of(part) for part in field["fields"]})
    else:
        type_ = TypeProto(type_kind=KINDS[kind])
    return array_of(type_) if field.get("mode", "").upper() == "REPEATED" else type_


def field_of(name: str, type_: TypeProto) -> dict[str, Any]:
    """The REST schema field of a GoogleSQL type."""
    if is_array(type_):
        return field_of(name, type_.array_type.element_type) | {"mode": "REPEATED"}
    field = {"name": name, "mode": "NULLABLE"}
    if is_struct(type_):
        parts = [field_of(part.field_name, part.field_type) for part in type_.struct_type.field]
        return field | {"type": "RECORD", "fields": parts}
    sql_name = SQL_NAMES[type_.type_kind]
    return field | {"type": REST_NAMES.get(sql_name, sql_name)}


def columns_of(fields: list[dict[str, Any]]) -> list[Column]:
    """Columns from a REST schema's fields."""
    return [Column(field["name"], type_of(field)) for field in fields]


def fields_of(columns: list[Column]) -> list[dict[str, Any]]:
    """A REST schema's fields from columns; pseudo columns are no part of a schema."""
    return [field_of(column.name, column.type) for column in columns if not column.is_pseudo]


def sql_name(type_: TypeProto) -> str:
    """The type as SQL writes it: ARRAY<STRUCT<key STRING, value INT64>>."""
    if is_array(type_):
        return f"ARRAY<{sql_name(type_.array_type.element_type)}>"
    if is_struct(type_):
        parts = [
            f"{part.field_name} {sql_name(part.field_type)}".strip()
            for part in type_.struct_type.field
        ]
        return f"STRUCT<{', '.join(parts)}>"
    return SQL_NAMES[type_.type_kind]
