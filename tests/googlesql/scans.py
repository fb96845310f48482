"""Which columns a statement really reads, which it filters on, and how many bytes that is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from googlesql.engine import descendants
from googlesql.schema import is_array, is_struct

CONDITIONS = ("filter_expr", "where_expr", "merge_expr", "match_expr", "join_expr")
# Logical bytes of a value, as BigQuery's pricing page lists them.
SIZES = {
    type_pb2.TYPE_INT64: 8,
    type_pb2.TYPE_DOUBLE: 8,
    type_pb2.TYPE_BOOL: 1,
    type_pb2.TYPE_TIMESTAMP: 8,
    type_pb2.TYPE_DATE: 8,
    type_pb2.TYPE_DATETIME: 8,
    type_pb2.TYPE_TIME: 8,
    type_pb2.TYPE_NUMERIC: 16,
    type_pb2.TYPE_BIGNUMERIC: 32,
    type_pb2.TYPE_INTERVAL: 16,
}


@dataclass(frozen=True)
class Scan:
    """One reading of a table: the columns that are needed, and those that a condition compares."""

    table: str
    columns: frozenset[str]
    filtered: frozenset[str]


def scans(tree: Message) -> list[Scan]:
    """The scans of a resolved statement; analyse it with `prune` or every column counts as read."""
    filtered = _filtered(tree)
    found = []
    for node in descendants(tree):
        if node.DESCRIPTOR.name == "ResolvedTableScanProto":
            columns = {column.column_id: column.name for column in node.parent.column_list}
            compared = {name for number, name in columns.items() if number in filtered}
            found.append(Scan(node.table.name, frozenset(columns.values()), frozenset(compared)))
    return found


def _filtered(tree: Any) -> set[int]:
    """The ids of all columns that a WHERE, a join condition or a MERGE condition compares."""
    conditions = [
        getattr(node, name)
        for node in descendants(tree)
        for name in CONDITIONS
        if name in node.DESCRIPTOR.fields_by_name and node.HasField(name)
    ]
    return {
        node.column.column_id
        for condition in conditions
        for node in descendants(condition)
        if node.DESCRIPTOR.name == "ResolvedColumnRefProto"
    }


def logical_bytes(values: Iterable[ValueProto], type_: TypeProto) -> int:
    """What BigQuery charges for reading values of a type: nothing for a null."""
    return sum(_logical_bytes(value, type_) for value in values)


def _logical_bytes(value: ValueProto, type_: TypeProto) -> int:
    if is_array(type_):
        return logical_bytes(value.array_value.element, type_.array_type.element_type)
    which = value.WhichOneof("value")
    if which is None:
        return 0
    if is_struct(type_):
        parts = zip(value.struct_value.field, type_.struct_type.field, strict=True)
        return sum(_logical_bytes(part, field.field_type) for part, field in parts)
    if type_.type_kind in SIZES:
        return SIZES[type_.type_kind]
    content = getattr(value, which)
    return 2 + len(content.encode() if isinstance(content, str) else content)
