"""Carries out one statement: queries here, tables in `ddl`, rows in `dml` and `merge`."""

import re
from collections.abc import Callable
from itertools import count
from typing import Any

from google.protobuf.message import Message

from local_bigquery.engine import Column
from local_bigquery.server import billing, ddl, dml, guards, merge
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.session import Outcome, Session

READS = {
    "ASTQueryStatementProto",
    "ASTCreateTableStatementProto",
    "ASTInsertStatementProto",
    "ASTMergeStatementProto",
    "ASTUpdateStatementProto",
    "ASTDeleteStatementProto",
}
Carrier = Callable[[Session, Any], Outcome]


def execute(session: Session, node: Message) -> Outcome:
    """Check one statement whole, then do what it says. Raises BigQueryError."""
    kind = node.DESCRIPTOR.name
    carrier = CARRIERS.get(kind)
    if carrier is None:
        name = re.sub(r"^AST|(Statement)?Proto$", "", kind)
        raise BigQueryError(
            f"The local server does not know the statement {name}.", "notImplemented"
        )
    sql = session.text(node)
    session.analyzed.clear()  # the statement before may have changed what this one reads
    if not _is_checked_as_it_runs(session, node):
        session.analyze(sql)
    if kind != "ASTCreateViewStatementProto":  # who reads the view must bound it
        guards.partition_filters(session, sql)
    if session.dry and kind in READS:
        for table, size in billing.scanned(session, sql).items():
            session.scanned[table] = session.scanned.get(table, 0) + size
    return carrier(session, node)


def _is_checked_as_it_runs(session: Session, node: Any) -> bool:
    """To check a long query once before and once as it runs doubles what it costs."""
    kind = node.DESCRIPTOR.name
    if kind == "ASTCreateTableStatementProto":
        return node.HasField("query") and not session.dry
    if kind == "ASTInsertStatementProto":
        return not session.dry and dml.knows(session, node)
    return kind in ("ASTQueryStatementProto", "ASTCallStatementProto")


def _query(session: Session, node: Any) -> Outcome:
    result = session.query(session.text(node))
    guards.unique_columns(result.columns)
    return Outcome("SELECT", result=result._replace(columns=_named(result.columns)))


def _named(columns: list[Column]) -> list[Column]:
    """A result's columns; those without a name are f0_, f1_ and so on."""
    numbers = count()
    return [
        Column(f"f{next(numbers)}_", column.type) if guards.is_unnamed(column) else column
        for column in columns
    ]


def _call(session: Session, node: Any) -> Outcome:
    if not re.match(r"(?i)call\s+bq\.", session.text(node)):
        raise BigQueryError(
            "The local server has no procedures but BigQuery's own.", "notImplemented"
        )
    return Outcome("CALL")


def _assert(session: Session, node: Any) -> Outcome:
    holds = session.scalar(session.text(node.expr))[1].bool_value
    if not holds and not session.dry:
        raise BigQueryError("Assertion failed")
    return Outcome("ASSERT")


CARRIERS: dict[str, Carrier] = {
    "ASTQueryStatementProto": _query,
    "ASTCallStatementProto": _call,
    "ASTAssertStatementProto": _assert,
    "ASTCreateTableStatementProto": ddl.create_table,
    "ASTCreateViewStatementProto": ddl.create_view,
    "ASTCreateMaterializedViewStatementProto": ddl.create_view,
    "ASTCreateSnapshotTableStatementProto": ddl.create_snapshot,
    "ASTCreateSchemaStatementProto": ddl.create_schema,
    "ASTDropStatementProto": ddl.drop,
    "ASTDropMaterializedViewStatementProto": ddl.drop,
    "ASTDropSnapshotTableStatementProto": ddl.drop,
    "ASTAlterTableStatementProto": ddl.alter,
    "ASTAlterViewStatementProto": ddl.alter,
    "ASTInsertStatementProto": dml.insert,
    "ASTDeleteStatementProto": dml.delete,
    "ASTTruncateStatementProto": dml.delete,
    "ASTUpdateStatementProto": dml.update,
    "ASTMergeStatementProto": merge.merge,
}
