"""Which columns a statement really reads, and how many bytes that is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.public import type_pb2
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery.engine import descendants, inherited, unwrap
from local_bigquery.schema import is_array, is_struct

UNION_ALL = 0
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
    """One reading of a table, and the columns that are needed of it."""

    table: str
    columns: frozenset[str]


def scans(tree: Message) -> list[Scan]:
    """The scans of a resolved statement with the columns that its result needs.

    The engine's own pruning keeps what `select *` names in between; here it has to reach the end.
    """
    needed = _needed(tree)
    return [
        Scan(
            node.table.name,
            frozenset(
                column.name for column in node.parent.column_list if column.column_id in needed
            ),
        )
        for node in descendants(tree)
        if node.DESCRIPTOR.name == "ResolvedTableScanProto"
    ]


def _needed(tree: Message) -> set[int]:
    """The ids of columns that an expression names or that the statement gives, however far back."""
    found: set[int] = set()
    sources: dict[int, set[int]] = {}
    nodes = list(descendants(tree))
    with_queries = {
        node.with_query_name: unwrap(node.with_subquery)
        for node in nodes
        if node.DESCRIPTOR.name == "ResolvedWithEntryProto"
    }
    for node in nodes:
        kind = node.DESCRIPTOR.name
        if kind in ("ResolvedColumnRefProto", "ResolvedOutputColumnProto"):
            found.add(node.column.column_id)
        elif kind == "ResolvedSubqueryExprProto":
            found |= _ids(inherited(unwrap(node.subquery), "column_list"))
        elif kind == "ResolvedInsertStmtProto":
            found |= _ids(node.query_output_column_list)
        elif kind == "ResolvedRecursiveScanProto":
            for term in (node.non_recursive_term, node.recursive_term):
                found |= _ids(term.output_column_list)
        elif kind == "ResolvedSetOperationScanProto":
            for item in node.input_item_list:
                if node.op_type == UNION_ALL:
                    _pair(sources, node.parent.column_list, item.output_column_list)
                else:  # which rows stay depends on every column
                    found |= _ids(item.output_column_list)
        elif kind == "ResolvedWithRefScanProto" and node.with_query_name in with_queries:
            inner = inherited(with_queries[node.with_query_name], "column_list")
            _pair(sources, node.parent.column_list, inner)
    waiting = list(found)
    while waiting:
        new = sources.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _pair(sources: dict[int, set[int]], outer: Iterable[Any], inner: Iterable[Any]) -> None:
    for one, other in zip(outer, inner, strict=True):
        sources.setdefault(one.column_id, set()).add(other.column_id)


def _ids(columns: Iterable[Any]) -> set[int]:
    return {column.column_id for column in columns}


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
