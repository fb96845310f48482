"""GoogleSQL itself.

Parses, analyses with types, and evaluates one statement over a catalog that is handed in.
"""

import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, Protocol

import wasmtime
from google.protobuf.message import Message
from zetasql.core.exceptions import ServerError
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery import language
from local_bigquery.wasm import CachedWasmClient

Row = service.TableData.Row


class GoogleSqlError(Exception):
    """The engine refuses a statement; the text is what BigQuery would say, position included."""


class Column(NamedTuple):
    """A column of a table or a result."""

    name: str
    type: TypeProto
    is_pseudo: bool = False


class Relation(Protocol):
    """What a statement can read: columns, and rows when it is evaluated."""

    columns: list[Column]
    version: int  # another one after every change; no other relation has it

    def is_worked_out(self) -> bool:
        """Whether its rows are there, or a query has to run before."""
        ...

    def content(self) -> service.TableContent: ...

    def packed(self) -> bytes: ...


@dataclass
class Scope:
    """Everything that a statement can name.

    Tables by their dotted path, script variables and query parameters with their values.
    """

    tables: dict[str, Relation] = field(default_factory=dict)
    variables: dict[str, tuple[TypeProto, ValueProto]] = field(default_factory=dict)
    parameters: dict[str, tuple[TypeProto, ValueProto]] = field(default_factory=dict)


class Result(NamedTuple):
    """Columns and rows of an evaluated query."""

    columns: list[Column]
    content: service.TableContent

    @property
    def rows(self) -> Any:
        return self.content.table_data.row


#: How many catalogs the engine keeps, and the bytes of all rows in them.
KEPT, KEPT_BYTES = 200, 2**27
# What a catalog has: its tables' versions, its constants, and whether it has the rows.
Contents = tuple[frozenset[tuple[str, int]], frozenset[tuple[str, bytes, bytes]], bool]


class Engine:
    """One instance of the engine. It is single-threaded: every call takes `lock`.

    A catalog is handed over once, with its rows, and kept for the statements that read the same
    tables: making one takes 25 ms, for the functions of GoogleSQL alone.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.calls = 0
        self._client = CachedWasmClient()
        self._language = language.language_options()
        self._options = language.analyzer_options()
        self._pruning_options = language.analyzer_options(prune=True)
        self._catalog = language.empty_catalog()
        self._kept: OrderedDict[Contents, tuple[int, int]] = OrderedDict()

    def parse(self, sql: str) -> Message:
        """The parse tree of a script; every node knows its place in the text."""
        request = service.ParseRequest(sql_statement=sql, allow_script=True, options=self._language)
        return self._call("Parse", request, service.ParseResponse).parsed_script

    def analyze(self, sql: str, scope: Scope, *, prune: bool = False) -> Message:
        """The resolved statement, every expression typed.

        Raises GoogleSqlError where BigQuery refuses it.
        """
        request = service.AnalyzeRequest(sql_statement=sql)
        request.options.CopyFrom(self._pruning_options if prune else self._options)
        with self.lock:
            self._name(request, scope, rows=False)
            response = self._call("Analyze", request, service.AnalyzeResponse)
        return unwrap(response.resolved_statement)

    def output_columns(self, sql: str, scope: Scope) -> list[Column]:
        """Names and types of what a query gives."""
        statement = self.analyze(sql, scope)
        return [Column(output.name, output.column.type) for output in statement.output_column_list]

    def query(self, sql: str, scope: Scope) -> Result:
        """Evaluate a query over the rows of the scope's tables."""
        request = service.PrepareQueryRequest(sql=sql)
        request.options.CopyFrom(self._options)
        with self.lock:
            self._name(request, scope, rows=True)
            answer = self._call("PrepareQuery", request, service.PrepareQueryResponse)
            prepared = answer.prepared
            evaluate = service.EvaluateQueryRequest(prepared_query_id=prepared.prepared_query_id)
            for name, (_, value) in scope.parameters.items():
                evaluate.params.add(name=name).value.CopyFrom(value)
            try:
                answer = self._call("EvaluateQuery", evaluate, service.EvaluateQueryResponse)
            finally:
                self._release("Query", prepared.prepared_query_id)
        columns = [Column(column.name, column.type) for column in prepared.columns]
        return Result(columns, answer.content)

    def inserted(self, sql: str, scope: Scope) -> list[Row]:
        """The whole rows that an INSERT statement would add, coerced to the table's types."""
        request = service.PrepareModifyRequest(sql=sql)
        request.options.CopyFrom(self._options)
        with self.lock:
            self._name(request, scope, rows=True)
            answer = self._call("PrepareModify", request, service.PrepareModifyResponse)
            prepared = answer.prepared
            evaluate = service.EvaluateModifyRequest(prepared_modify_id=prepared.prepared_modify_id)
            for name, (_, value) in scope.parameters.items():
                evaluate.params.add(name=name).value.CopyFrom(value)
            try:
                answer = self._call("EvaluateModify", evaluate, service.EvaluateModifyResponse)
            finally:
                self._release("Modify", prepared.prepared_modify_id)
        rows = []
        for change in answer.content:
            row = Row()
            row.cell.extend(change.cell)
            rows.append(row)
        return rows

    def _name(self, request: Message, scope: Scope, *, rows: bool) -> None:
        """Name the catalog of a request, and its parameters."""
        request.registered_catalog_id = self._registered(scope, rows)
        for name, (type_, _) in scope.parameters.items():
            request.options.query_parameters.add(name=name, type=type_)

    def _registered(self, scope: Scope, rows: bool) -> int:
        """The number of the engine's catalog with what a scope names.

        An analysis needs no rows, and what it checks is mostly evaluated next: rows that are there
        go with it. A view that nobody has read yet has none.
        """
        versions = frozenset((name, one.version) for name, one in scope.tables.items())
        constants = frozenset(
            (name, type_.SerializeToString(), value.SerializeToString())
            for name, (type_, value) in scope.variables.items()
        )
        rows = rows or all(one.is_worked_out() for one in scope.tables.values())
        contents = (versions, constants, rows)
        if contents not in self._kept:
            self._kept[contents] = self._register(scope, rows)
            self._forget_the_oldest()
        self._kept.move_to_end(contents)
        return self._kept[contents][0]

    def _forget_the_oldest(self) -> None:
        """Keep no more catalogs than there is room for, and always the newest."""
        size = sum(size for _, size in self._kept.values())
        while len(self._kept) > KEPT or (size > KEPT_BYTES and len(self._kept) > 1):
            _, (number, of_one) = self._kept.popitem(last=False)
            size -= of_one
            request = service.UnregisterRequest(registered_id=number)
            self._client.call_grpc_func("ZetaSqlLocalService_UnregisterCatalog", request)

    def _register(self, scope: Scope, rows: bool) -> tuple[int, int]:
        """Hand a catalog over: functions, tables, variables. Answers its number and its bytes."""
        request = service.RegisterCatalogRequest()
        catalog = request.simple_catalog
        catalog.CopyFrom(self._catalog)
        for number, (name, relation) in enumerate(sorted(scope.tables.items()), start=1):
            table = catalog.table.add(name=name, serialization_id=number)
            for column in relation.columns:
                table.column.add(
                    name=column.name,
                    type=column.type,
                    is_pseudo_column=column.is_pseudo,
                    is_writable_column=not column.is_pseudo,
                )
        for name, (type_, value) in scope.variables.items():
            catalog.constant.add(name_path=[name], type=type_, value=value)
        content = _rows(request, scope) if rows else b""
        answer = self._call("RegisterCatalog", request, service.RegisterResponse, content)
        return answer.registered_id, len(content)

    def _call(
        self, method: str, request: Message, response: type[Message], rows: bytes = b""
    ) -> Any:
        """Call the engine; `rows` are fields of the request that are in bytes already."""
        with self.lock:
            self.calls += 1
            try:
                return self._client.call(f"ZetaSqlLocalService_{method}", request, response, rows)
            except ServerError as error:
                text = re.sub(r"^Code: \d+, Message: ", "", error.raw_error)
                raise GoogleSqlError(text) from None
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                self._client.start()
                self._kept.clear()
                text = str(error).splitlines()[0]
                raise GoogleSqlError(f"The local engine cannot evaluate this: {text}") from None

    def _release(self, kind: str, number: int) -> None:
        request = getattr(service, f"Unprepare{kind}Request")()
        setattr(request, f"prepared_{kind.lower()}_id", number)
        with contextlib.suppress(
            ServerError
        ):  # gone with the instance, when the evaluation trapped
            self._client.call_grpc_func(f"ZetaSqlLocalService_Unprepare{kind}", request)


def _rows(request: Message, scope: Scope) -> bytes:
    """The rows of a scope's tables, as the request's `table_content` in bytes.

    A table is put into bytes once, however many statements read it.
    """
    number = request.DESCRIPTOR.fields_by_name["table_content"].number
    parts = []
    for name, relation in scope.tables.items():
        entry = _field(1, name.encode()) + _field(2, relation.packed())
        parts.append(_field(number, entry))
    return b"".join(parts)


def _field(number: int, content: bytes) -> bytes:
    """A field of a message in protobuf's encoding: what it is, how long, and its bytes."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def unwrap(node: Message) -> Message:
    """The node in a tree's `Any…` wrapper, however often it is wrapped."""
    while node.DESCRIPTOR.name.startswith("Any"):
        node = getattr(node, node.WhichOneof("node"))
    return node


def descendants(node: Message) -> Iterator[Message]:
    """Every message in a tree, the node itself first."""
    yield node
    for child_field, value in node.ListFields():
        if child_field.message_type is not None:
            for child in value if child_field.is_repeated else [value]:
                yield from descendants(child)


def inherited(node: Message, name: str) -> Any:
    """A field of a tree's node or of the node kinds that it is built on; None where none has it."""
    while True:
        fields = node.DESCRIPTOR.fields_by_name
        if name in fields:
            return getattr(node, name)
        if "parent" not in fields:
            return None
        node = node.parent


def rows_of(values: Iterable[Iterable[ValueProto]]) -> service.TableContent:
    """Table content from rows of values."""
    content = service.TableContent()
    content.table_data.SetInParent()
    for cells in values:
        content.table_data.row.add().cell.extend(cells)
    return content


@cache
def shared_engine() -> Engine:
    """This process's engine.

    Starting it takes 0.1 s, the very first time on a machine some 15 s.
    """
    return Engine()
