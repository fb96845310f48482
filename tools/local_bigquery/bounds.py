"""Which readings of a partitioned or sharded table are held to a part of it.

BigQuery leaves partitions and shards unread only where a condition that every row must meet
compares the column with constants. Analyse with `prune`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from local_bigquery.engine import descendants, inherited, unwrap

COMPARISONS = {
    "$equal",
    "$in",
    "$in_array",
    "$between",
    "$greater",
    "$greater_or_equal",
    "$less",
    "$less_or_equal",
}
# What a column may go through and still tell the partition.
CUTS = {"date", "timestamp", "datetime", "date_trunc", "timestamp_trunc", "datetime_trunc"}
INNER, LEFT, RIGHT, FULL = 0, 1, 2, 3
Constant = Callable[[Message], bool]


def unbounded(tree: Message, guarded: Mapping[str, str], *, literal: bool = True) -> list[str]:
    """Return the tables that are read without a bound. `guarded` maps a table to its column.

    With `literal`, what the column is compared with must be written down in the statement; without,
    it may be what BigQuery takes for `require_partition_filter`: any constant expression, and
    IS [NOT] NULL.
    """
    bounded = _reached(tree, _bounded(tree, is_literal if literal else is_constant, not literal))
    found = []
    for node in _readings(tree):
        if node.table.name not in guarded:
            continue
        wanted = guarded[node.table.name].lower()
        ids = {one.column_id for one in node.parent.column_list if one.name.lower() == wanted}
        if not ids & bounded:
            found.append(node.table.name)
    return found


def _readings(tree: Message) -> Iterator[Message]:
    """The scans of tables; not that of the table into which an INSERT puts rows."""
    for node in _but_targets(tree):
        if node.DESCRIPTOR.name == "ResolvedTableScanProto":
            yield node


def _but_targets(node: Message) -> Iterator[Message]:
    yield node
    for child_field, value in node.ListFields():
        is_target = child_field.name == "table_scan" and "Insert" in node.DESCRIPTOR.name
        if child_field.message_type is not None and not is_target:
            for child in value if child_field.is_repeated else [value]:
                yield from _but_targets(child)


def is_literal(node: Message) -> bool:
    """Say whether an expression is written down as it is."""
    return _uncast(node).DESCRIPTOR.name == "ResolvedLiteralProto"


def is_constant(node: Message) -> bool:
    """Say whether an expression is the same for every row: no column and no sub-query in it."""
    parts = {part.DESCRIPTOR.name for part in descendants(node)}
    return not parts & {"ResolvedColumnRefProto", "ResolvedSubqueryExprProto"}


def _bounded(tree: Message, constant: Constant, nulls: bool) -> set[int]:
    """The ids of the columns that conditions hold to constants."""
    found: set[int] = set()
    for condition, allowed in _conditions(tree):
        for part in parts(condition, "$and"):
            column = _held(part, constant, nulls)
            if column is not None and (allowed is None or column in allowed):
                found.add(column)
    return found


def _conditions(tree: Message) -> Iterator[tuple[Message, set[int] | None]]:
    """Conditions that leave rows out, and which columns' rows where not those of all."""
    for node in descendants(tree):
        kind = node.DESCRIPTOR.name
        if kind == "ResolvedFilterScanProto":
            yield node.filter_expr, None
        elif kind in ("ResolvedDeleteStmtProto", "ResolvedUpdateStmtProto"):
            yield node.where_expr, None
        elif kind == "ResolvedMergeStmtProto":
            yield node.merge_expr, None
        elif kind == "ResolvedMergeWhenProto":
            yield node.match_expr, None
        elif kind == "ResolvedJoinScanProto":
            if node.join_type == INNER:
                yield node.join_expr, None
            elif node.join_type in (LEFT, RIGHT):
                side = node.right_scan if node.join_type == LEFT else node.left_scan
                yield node.join_expr, ids_of(side)


def _held(part: Message, constant: Constant, nulls: bool) -> int | None:
    """The column that a condition holds to constants, None where there is none."""
    part = unwrap(part)
    name = function_of(part)
    arguments = list(inherited(part, "argument_list") or ()) if name else []
    if name == "$or":
        columns = {_held(one, constant, nulls) for one in arguments}
        return columns.pop() if len(columns) == 1 else None
    if name == "$not" and nulls:
        inner = unwrap(arguments[0])
        return _held(inner, constant, nulls) if function_of(inner) == "$is_null" else None
    if not (name in COMPARISONS or (nulls and name == "$is_null")):
        return None
    others = [one for one in arguments if not constant(one)]
    return _column(others[0], cuts=nulls) if len(others) == 1 else None


def _column(node: Message, *, cuts: bool) -> int | None:
    node = _uncast(node)
    if cuts and function_of(node) in CUTS:
        return _column(inherited(node, "argument_list")[0], cuts=cuts)
    is_reference = node.DESCRIPTOR.name == "ResolvedColumnRefProto"
    return node.column.column_id if is_reference else None


def _reached(tree: Message, bounded: set[int]) -> set[int]:
    """Also the columns that bounded ones come from: through a WITH query, a UNION, another name."""
    sources: dict[int, set[int]] = {}
    uses: dict[int, set[int]] = {}  # a WITH query's column → the columns of all its readings
    entries = {
        node.with_query_name: unwrap(node.with_subquery)
        for node in descendants(tree)
        if node.DESCRIPTOR.name == "ResolvedWithEntryProto"
    }
    for node in descendants(tree):
        kind = node.DESCRIPTOR.name
        if kind == "ResolvedSetOperationScanProto":
            for item in node.input_item_list:
                _pair(sources, node.parent.column_list, item.output_column_list)
        elif kind == "ResolvedWithRefScanProto" and node.with_query_name in entries:
            inner = inherited(entries[node.with_query_name], "column_list")
            _pair(sources, node.parent.column_list, inner)
            for outer, source in zip(node.parent.column_list, inner, strict=True):
                uses.setdefault(source.column_id, set()).add(outer.column_id)
        elif kind == "ResolvedComputedColumnProto":
            expression = _uncast(node.expr)
            if expression.DESCRIPTOR.name == "ResolvedColumnRefProto":
                sources.setdefault(node.column.column_id, set()).add(expression.column.column_id)
    found, waiting = set(bounded), list(bounded)
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source not in found and uses.get(source, set()) <= found:
                found.add(source)
                waiting.append(source)
    return found


def _pair(sources: dict[int, set[int]], outer: Any, inner: Any) -> None:
    for one, other in zip(outer, inner, strict=False):
        sources.setdefault(one.column_id, set()).add(other.column_id)


def parts(node: Message, name: str) -> Iterator[Message]:
    """The parts that AND (or OR) joins, however deep."""
    node = unwrap(node) if node.ByteSize() else node
    if function_of(node) == name:
        for argument in inherited(node, "argument_list"):
            yield from parts(argument, name)
    elif node.ByteSize():
        yield node


def function_of(node: Message) -> str | None:
    """The name of the function that an expression calls; None where it calls none."""
    if node.DESCRIPTOR.name != "ResolvedFunctionCallProto":
        return None
    return inherited(node, "function").name.rpartition(":")[2].lower()


def ids_of(scan: Message) -> set[int]:
    """The ids of the columns that a scan gives."""
    return {column.column_id for column in inherited(unwrap(scan), "column_list")}


def _uncast(node: Message) -> Message:
    node = unwrap(node)
    while node.DESCRIPTOR.name == "ResolvedCastProto":
        node = unwrap(node.expr)
    return node
