"""Which readings of a guarded table in a resolved statement have no literal bound on its column."""

from googlesql.engine import descendants, inherited, unwrap

COMPARISONS = (
    "$equal",
    "$in",
    "$between",
    "$greater",
    "$greater_or_equal",
    "$less",
    "$less_or_equal",
)


def unbounded(tree, guarded: dict[str, str]) -> list[str]:
    """Return the tables that are read without a bound. `guarded` maps a table to its column.

    A bound compares the column, perhaps cast, with nothing but literals: only then does BigQuery
    leave other shards and partitions unread. Analyse with `prune`.
    """
    columns = literal_columns(tree)
    found = []
    for node in descendants(tree):
        if node.DESCRIPTOR.name != "ResolvedTableScanProto" or node.table.name not in guarded:
            continue
        wanted = guarded[node.table.name].lower()
        ids = {one.column_id for one in node.parent.column_list if one.name.lower() == wanted}
        if not ids & columns:
            found.append(node.table.name)
    return found


def literal_columns(tree) -> set[int]:
    """The ids of the columns that some comparison holds against literals alone."""
    found = set()
    for node in descendants(tree):
        if node.DESCRIPTOR.name != "ResolvedFunctionCallProto":
            continue
        if inherited(node, "function").name.rpartition(":")[2] not in COMPARISONS:
            continue
        arguments = [_uncast(one) for one in inherited(node, "argument_list")]
        kinds = [one.DESCRIPTOR.name for one in arguments]
        references = [
            one.column.column_id
            for one, kind in zip(arguments, kinds, strict=True)
            if kind == "ResolvedColumnRefProto"
        ]
        if len(references) == 1 and kinds.count("ResolvedLiteralProto") == len(kinds) - 1:
            found.update(references)
    return found


def _uncast(node):
    node = unwrap(node)
    while node.DESCRIPTOR.name == "ResolvedCastProto":
        node = unwrap(node.expr)
    return node
