"""Runs a script statement by statement: variables, conditions, loops, blocks with handlers."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery.engine import unwrap
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.session import Outcome, Session
from local_bigquery.server.statements import execute

MAX_ROUNDS = 100_000


class _LeaveLoop(Exception):
    """BREAK or LEAVE."""


def run(session: Session, sql: str) -> list[Outcome]:
    """Run a script or a single statement. Raises BigQueryError at the first one that fails."""
    statements = session.parse(sql)
    if not statements.statement_list:
        raise BigQueryError("Syntax error: Unexpected end of statement")
    try:
        _run(session, statements)
    except BigQueryError:
        session.parse_whole()
        raise
    return session.outcomes


def _run(session: Session, statements: Message) -> None:
    for wrapped in statements.statement_list:
        node = unwrap(wrapped)
        control = CONTROL.get(node.DESCRIPTOR.name)
        if control is not None:
            control(session, node)
        else:
            session.outcomes.append(execute(session, node))


def _declare(session: Session, node: Any) -> None:
    declared_type = session.text(node.type) if node.HasField("type") else None
    default = session.text(node.default_value) if node.HasField("default_value") else "null"
    value = session.scalar(f"cast(({default}) as {declared_type})" if declared_type else default)
    for identifier in node.variable_list.identifier_list:
        session.variables[identifier.id_string] = value


def _assign(session: Session, node: Any) -> None:
    _set(session, node.variable.id_string, session.text(node.expression))


def _assign_struct(session: Session, node: Any) -> None:
    type_, value = session.scalar(session.text(node.struct_expression).strip())
    for place, identifier in enumerate(node.variables.identifier_list):
        known = _declared(session, identifier.id_string)
        part = ValueProto() if session.dry else value.struct_value.field[place]
        if type_.struct_type.field[place].field_type != session.variables[known][0]:
            raise BigQueryError(f"Cannot assign to {known}: its type is another one")
        session.variables[known] = (session.variables[known][0], part)


def _set(session: Session, name: str, expression: str) -> None:
    known = _declared(session, name)
    type_, value = session.scalar(expression)
    declared_type = session.variables[known][0]
    if type_ != declared_type:
        coerced = session.query(f"select coalesce(({expression}), `{known}`)")
        if coerced.columns[0].type != declared_type:
            raise BigQueryError(f"Cannot assign to {known}: its type is another one")
        value = ValueProto() if session.dry else coerced.rows[0].cell[0]
    session.variables[known] = (declared_type, value)


def _declared(session: Session, name: str) -> str:
    for known in session.variables:
        if known.lower() == name.lower():
            return known
    raise BigQueryError(f"Undeclared variable: {name}")


def _holds(session: Session, condition: Message) -> bool:
    return session.scalar(session.text(condition))[1].bool_value


def _if(session: Session, node: Any) -> None:
    branches = [(node.condition, node.then_list)]
    branches += [(clause.condition, clause.body) for clause in node.elseif_clauses.elseif_clauses]
    for condition, body in branches:
        if _holds(session, condition) or session.dry:
            _run(session, body)
            if not session.dry:
                return
    if node.HasField("else_list"):
        _run(session, node.else_list)


def _while(session: Session, node: Any) -> None:
    for _ in range(1 if session.dry else MAX_ROUNDS):
        endless = not node.HasField("condition")  # LOOP … END LOOP
        if not (endless or _holds(session, node.condition) or session.dry):
            return
        try:
            _run(session, node.parent.body)
        except _LeaveLoop:
            return


def _block(session: Session, node: Any) -> None:
    outer = set(session.variables)
    try:
        _run(session, node.statement_list_node)
    except BigQueryError:
        handlers = node.handler_list.exception_handler_list
        if not handlers:
            raise
        _run(session, handlers[0].statement_list)
    finally:
        session.variables = {
            name: value for name, value in session.variables.items() if name in outer
        }


def _leave(session: Session, node: Any) -> None:
    raise _LeaveLoop


def _raise(session: Session, node: Any) -> None:
    text = (
        session.scalar(session.text(node.message))[1].string_value
        if node.HasField("message")
        else ""
    )
    raise BigQueryError(text or "A statement raised an exception.")


def _execute_immediate(session: Session, node: Any) -> None:
    sql = session.scalar(session.text(node.sql))[1].string_value
    if sql:
        inner = Session(
            session.catalog,
            dry=session.dry,
            parameters=session.parameters,
            variables=session.variables,
            temporary=session.temporary,
        )
        session.outcomes += run(inner, sql)


CONTROL: dict[str, Callable[[Session, Any], None]] = {
    "ASTVariableDeclarationProto": _declare,
    "ASTSingleAssignmentProto": _assign,
    "ASTAssignmentFromStructProto": _assign_struct,
    "ASTIfStatementProto": _if,
    "ASTWhileStatementProto": _while,
    "ASTBeginEndBlockProto": _block,
    "ASTBreakStatementProto": _leave,
    "ASTRaiseStatementProto": _raise,
    "ASTExecuteImmediateStatementProto": _execute_immediate,
}
