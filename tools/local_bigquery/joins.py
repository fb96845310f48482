"""Outer joins that BigQuery refuses although they are good GoogleSQL."""

from google.protobuf.message import Message

from local_bigquery.bounds import INNER, function_of, ids_of, parts
from local_bigquery.engine import descendants, inherited


def without_equality(tree: Message) -> list[Message]:
    """Return the outer joins of which no condition is an equality of both sides.

    BigQuery: "LEFT OUTER JOIN cannot be used without a condition that is an equality of fields from
    both sides of the join". Analyse with `prune`.
    """
    return [
        node
        for node in descendants(tree)
        if node.DESCRIPTOR.name == "ResolvedJoinScanProto"
        and node.join_type != INNER
        and not any(_is_equality(part, node) for part in parts(node.join_expr, "$and"))
    ]


def _is_equality(part: Message, join: Message) -> bool:
    if function_of(part) != "$equal":
        return False
    here, there = (_columns(one) for one in inherited(part, "argument_list"))
    left, right = ids_of(join.left_scan), ids_of(join.right_scan)
    if not (here and there):
        return False
    return (here <= left and there <= right) or (here <= right and there <= left)


def _columns(expression: Message) -> set[int]:
    return {
        node.column.column_id
        for node in descendants(expression)
        if node.DESCRIPTOR.name == "ResolvedColumnRefProto"
    }
