"""INSERT, UPDATE, DELETE and TRUNCATE."""

from collections import Counter
from typing import Any

from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery import names, schema
from local_bigquery.catalog import Table
from local_bigquery.engine import Column, Relation, Row, rows_of
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.session import Outcome, Session

ROW = "__row"
TARGET = "__target"
Assignments = dict[str, ValueProto]


def insert(session: Session, node: Any) -> Outcome:
    """INSERT … VALUES and INSERT … SELECT."""
    table = session.table(target_name(session, node.target_path))
    if session.dry:
        return Outcome("INSERT", is_dml=True)
    sql = session.text(node)
    read = names.tables_in(sql)
    writes_only = node.HasField("rows") and len(read) == 1 and "select" not in sql.lower()
    # a table that is only written is the same for the engine after each row that is added
    scope = session.scope(sql, dict.fromkeys(read, table.shape()) if writes_only else None)
    with session.refusals():
        rows = session.catalog.engine.inserted(sql, scope)
    change(session, table, inserts=rows)
    return Outcome("INSERT", is_dml=True, inserted=len(rows))


def knows(session: Session, node: Any) -> bool:
    """Say whether the table is there that a statement changes."""
    name = target_name(session, node.target_path)
    return name in session.temporary or session.catalog.full_name(name) in session.catalog.tables


def delete(session: Session, node: Any) -> Outcome:
    """DELETE … WHERE and TRUNCATE TABLE."""
    truncates = "Truncate" in node.DESCRIPTOR.name
    kind = "TRUNCATE_TABLE" if truncates else "DELETE"
    table = session.table(target_name(session, node.target_path))
    if not truncates and not node.HasField("where"):
        raise BigQueryError("DELETE must have a WHERE clause")
    if session.dry:
        return Outcome(kind, is_dml=True)
    condition = session.text(node.where) if node.HasField("where") else "true"
    alias = table.table_id if truncates else target_alias(node, table)
    sql = f"select `{alias}`.{ROW} from {TARGET} as `{alias}` where {condition}"
    gone = {row.cell[0].int64_value for row in session.query(sql, targets(table)).rows}
    change(session, table, deletes=gone)
    return Outcome(kind, is_dml=True, deleted=len(gone))


def update(session: Session, node: Any) -> Outcome:
    """UPDATE … SET … [FROM …] WHERE."""
    table = session.table(target_name(session, node.target_path))
    if session.dry:
        return Outcome("UPDATE", is_dml=True)
    alias = target_alias(node, table)
    columns, expressions = assignments(session, table, node.update_item_list)
    sources = (
        f", {session.text(node.from_clause)[len('from') :]}" if node.HasField("from_clause") else ""
    )
    source = f"{TARGET} as `{alias}`{sources} where {session.text(node.where)}"
    selected = [f"`{alias}`.{ROW}", *expressions]
    types = [schema.INT64, *(column.type for column in columns)]
    rows = typed(session, selected, types, source, targets(table))
    matches = Counter(row.cell[0].int64_value for row in rows)
    if any(count > 1 for count in matches.values()):
        raise BigQueryError("UPDATE/MERGE must match at most one source row for each target row")
    names = [column.name.lower() for column in columns]
    updates = {row.cell[0].int64_value: dict(zip(names, row.cell[1:], strict=True)) for row in rows}
    change(session, table, updates=updates)
    return Outcome("UPDATE", is_dml=True, updated=len(updates))


def target_name(session: Session, path: Any) -> str:
    return session.text(path).replace("`", "").strip()


def target_alias(node: Any, table: Table) -> str:
    """By what name a statement calls the table that it changes."""
    return node.alias.identifier.id_string if node.HasField("alias") else table.table_id


def targets(table: Table) -> dict[str, Relation]:
    return {TARGET: numbered(table.columns, table.rows)}


def numbered(columns: list[Column], content: Any) -> Table:
    """The same rows with one more column, their number."""
    rows = (
        [*row.cell, ValueProto(int64_value=number)]
        for number, row in enumerate(content.table_data.row)
    )
    table = Table("", "", "", [*columns, Column(ROW, schema.INT64)])
    table.replace(rows_of(rows))
    return table


def assignments(session: Session, table: Table, items: Any) -> tuple[list[Column], list[str]]:
    """The columns that a SET list names, and the expressions that it gives them."""
    columns, expressions = [], []
    for item in items.update_items:
        path = session.text(item.set_value.path).replace("`", "").split(".")
        try:
            columns.append(table.columns[table.position(path[-1])])
        except KeyError:
            raise BigQueryError(
                "The local server does not set fields within a struct.", "notImplemented"
            ) from None
        expressions.append(session.text(item.set_value.value))
    return columns, expressions


def typed(
    session: Session,
    expressions: list[str],
    types: list[TypeProto],
    source: str,
    extra: dict[str, Relation],
) -> Any:
    """Rows of `select expressions from source`, every expression of the wanted type."""
    sql = f"select {', '.join(expressions)} from {source}"
    with session.refusals():
        columns = session.catalog.engine.output_columns(sql, session.scope(sql, extra))
    wanted = [
        text if column.type == type_ else f"cast({text} as {schema.sql_name(type_)})"
        for text, type_, column in zip(expressions, types, columns, strict=True)
    ]
    return session.query(f"select {', '.join(wanted)} from {source}", extra).rows


def change(
    session: Session,
    table: Table,
    *,
    updates: dict[int, Assignments] | None = None,
    deletes: set[int] | None = None,
    inserts: list[Row] | None = None,
) -> None:
    """Apply changes by row number and add rows."""
    updates, deletes = updates or {}, deletes or set()
    places = {column.name.lower(): place for place, column in enumerate(table.columns)}
    kept = []
    for number, row in enumerate(table.rows.table_data.row):
        if number in deletes:
            continue
        cells = list(row.cell)
        for name, value in updates.get(number, {}).items():
            cells[places[name]] = value
        kept.append(cells)
    kept.extend(row.cell for row in inserts or [])
    table.replace(rows_of(kept))
    session.catalog.changed()
