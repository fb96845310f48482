"""MERGE: rows of both sides are numbered, and every clause is evaluated as a query."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from zetasql.wasi._pb2.zetasql.parser import ast_enums_pb2
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery import schema
from local_bigquery.catalog import Table
from local_bigquery.engine import Relation, Row, inherited, unwrap
from local_bigquery.server.ddl import path_text
from local_bigquery.server.dml import (
    ROW,
    TARGET,
    assignments,
    change,
    numbered,
    target_alias,
    typed,
)
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.session import Outcome, Session

SOURCE = "__source"
MATCH = ast_enums_pb2.ASTMergeWhenClauseEnums
ACTION = ast_enums_pb2.ASTMergeActionEnums


@dataclass
class _Merge:
    """A MERGE at work: both sides by number, and what the clauses so far decided."""

    session: Session
    table: Table
    target: str
    source: str
    condition: str
    relations: dict[str, Relation]
    matched_targets: set[int] = field(default_factory=set)
    matched_sources: set[int] = field(default_factory=set)
    done_pairs: set[tuple[int, int]] = field(default_factory=set)
    done_targets: set[int] = field(default_factory=set)
    done_sources: set[int] = field(default_factory=set)
    updates: dict[int, dict[str, ValueProto]] = field(default_factory=dict)
    deletes: set[int] = field(default_factory=set)
    inserts: list[Row] = field(default_factory=list)

    @property
    def never_matches(self) -> bool:
        return self.condition.strip(" ()").lower() == "false"

    @property
    def both(self) -> str:
        sides = f"{TARGET} as `{self.target}` inner join {SOURCE} as `{self.source}`"
        return f"{sides} on {self.condition}"


def merge(session: Session, node: Any) -> Outcome:
    """Carry out a MERGE: for every row the first clause that applies."""
    table = session.table(path_text(node.target_path))
    if session.dry:
        return Outcome("MERGE", is_dml=True)
    source_node = unwrap(node.table_expression)
    alias = inherited(source_node, "alias")
    name = alias.identifier.id_string if alias is not None and alias.ByteSize() else ""
    source = session.query(f"select * from {session.text(node.table_expression)}")
    work = _Merge(
        session,
        table,
        target=target_alias(node, table),
        source=name or session.text(source_node).strip("` ").split(".")[-1],
        condition=session.text(node.merge_condition),
        relations={
            TARGET: numbered(table.columns, table.rows),
            SOURCE: numbered(source.columns, source.content),
        },
    )
    if not work.never_matches:
        sql = f"select `{work.target}`.{ROW}, `{work.source}`.{ROW} from {work.both}"
        for row in session.query(sql, work.relations).rows:
            work.matched_targets.add(row.cell[0].int64_value)
            work.matched_sources.add(row.cell[1].int64_value)
    for clause in node.when_clauses.clause_list:
        _clause(work, clause)
    change(session, table, updates=work.updates, deletes=work.deletes, inserts=work.inserts)
    return Outcome(
        "MERGE",
        is_dml=True,
        inserted=len(work.inserts),
        updated=len(work.updates),
        deleted=len(work.deletes),
    )


def _clause(work: _Merge, clause: Any) -> None:
    condition = (
        work.session.text(clause.search_condition)
        if clause.HasField("search_condition")
        else "true"
    )
    if clause.match_type == MATCH.NOT_MATCHED_BY_TARGET:
        _insert(work, clause.action, condition)
    elif clause.match_type == MATCH.NOT_MATCHED_BY_SOURCE:
        source = f"{TARGET} as `{work.target}` where ({condition})"
        rows = [
            row
            for row in _changes(work, clause.action, [], source)
            if row.cell[0].int64_value not in work.matched_targets | work.done_targets
        ]
        _apply(work, clause.action, rows, first_value=1)
    elif not work.never_matches:
        source = f"{work.both} where ({condition})"
        rows = [
            row
            for row in _changes(work, clause.action, [f"`{work.source}`.{ROW}"], source)
            if (row.cell[0].int64_value, row.cell[1].int64_value) not in work.done_pairs
        ]
        work.done_pairs |= {(row.cell[0].int64_value, row.cell[1].int64_value) for row in rows}
        _apply(work, clause.action, rows, first_value=2)


def _insert(work: _Merge, action: Any, condition: str) -> None:
    session, table = work.session, work.table
    listed = [part.id_string for part in action.insert_column_list.identifiers]
    columns = [table.columns[table.position(name)] for name in listed] or table.columns
    values = session.text(action.insert_row).strip()
    if values.lower() == "row":
        source_columns = work.relations[SOURCE].columns[:-1]
        expressions = [f"`{work.source}`.`{column.name}`" for column in source_columns]
    else:
        expressions = [session.text(value) for value in action.insert_row.values]
    types = [schema.INT64, *(column.type for column in columns)]
    selected = [f"`{work.source}`.{ROW}", *expressions]
    source = f"{SOURCE} as `{work.source}` where ({condition})"
    empty = ValueProto()
    for row in typed(session, selected, types, source, work.relations):
        number = row.cell[0].int64_value
        if number in work.matched_sources or number in work.done_sources:
            continue
        work.done_sources.add(number)
        given = dict(zip([column.name for column in columns], row.cell[1:], strict=True))
        new = Row()
        new.cell.extend(given.get(column.name, empty) for column in table.columns)
        work.inserts.append(new)


def _changes(work: _Merge, action: Any, numbers: list[str], source: str) -> Any:
    """Target number, `numbers` and an UPDATE's new values, of the rows that a clause finds."""
    selected = [f"`{work.target}`.{ROW}", *numbers]
    types = [schema.INT64] * len(selected)
    if action.action_type == ACTION.UPDATE:
        columns, expressions = assignments(work.session, work.table, action.update_item_list)
        selected += expressions
        types += [column.type for column in columns]
    return typed(work.session, selected, types, source, work.relations)


def _apply(work: _Merge, action: Any, rows: list[Row], first_value: int) -> None:
    numbers = Counter(row.cell[0].int64_value for row in rows)
    if any(count > 1 or number in work.done_targets for number, count in numbers.items()):
        raise BigQueryError("UPDATE/MERGE must match at most one source row for each target row")
    work.done_targets |= numbers.keys()
    if action.action_type == ACTION.DELETE:
        work.deletes |= numbers.keys()
        return
    columns, _ = assignments(work.session, work.table, action.update_item_list)
    names = [column.name.lower() for column in columns]
    for row in rows:
        values = dict(zip(names, row.cell[first_value:], strict=True))
        work.updates[row.cell[0].int64_value] = values
