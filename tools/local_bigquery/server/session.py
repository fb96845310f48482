"""What one job's statements share.

The catalog, variables, parameters, temporary tables, and what was done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery import names
from local_bigquery.catalog import Catalog, Table
from local_bigquery.engine import GoogleSqlError, Relation, Result, Scope, inherited, unwrap
from local_bigquery.server.errors import from_engine

Values = dict[str, tuple[TypeProto, ValueProto]]


@dataclass
class Outcome:
    """What one statement did. `destination` is the table that a query or CTAS wrote, if any."""

    statement_type: str
    result: Result | None = None
    destination: str | None = None
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    operation: str | None = None
    is_dml: bool = False


@dataclass
class Session:
    """One job's script. `dry` analyses every statement and changes nothing."""

    catalog: Catalog
    dry: bool = False
    default_dataset: str | None = None
    parameters: Values = field(default_factory=dict)
    variables: Values = field(default_factory=dict)
    temporary: dict[str, Table] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    analyzed: dict[tuple[str, bool], Message] = field(default_factory=dict)
    scanned: dict[str, int] = field(default_factory=dict)
    source: bytes = b""
    is_parsed: bool = True

    def parse(self, sql: str) -> Message:
        """The list of a script's statements; `text` gives the words of their nodes."""
        with self.refusals():
            normalized = self.catalog.normalize(sql)
            self.source = normalized.encode()
            hollow = names.hollowed(normalized)  # a long query is parsed again as it is checked
            self.is_parsed = hollow is None
            return self.catalog.engine.parse(hollow or normalized).statement_list_node

    def parse_whole(self) -> None:
        """Raise what the parser has against the script's own words, at their place in it."""
        if not self.is_parsed:
            with self.refusals():
                self.catalog.engine.parse(self.source.decode())

    def text(self, node: Message) -> str:
        """The piece of the script that a node of its tree stands for."""
        place = _range(node)
        return self.source[place.start : place.end].decode()

    def scope(self, sql: str, extra: dict[str, Relation] | None = None) -> Scope:
        """What a statement of this script can name."""
        temporary = {name: table for name, table in self.temporary.items() if name in sql}
        scope = self.catalog.scope(sql, {**temporary, **(extra or {})})
        scope.variables = self.variables
        scope.parameters = self.parameters
        return scope

    def query(self, sql: str, extra: dict[str, Relation] | None = None) -> Result:
        """Evaluate a query; in a dry run, only its columns."""
        with self.refusals():
            scope = self.scope(sql, extra)
            if self.dry:
                columns = self.catalog.engine.output_columns(sql, scope)
                return Result(columns, Table("", "", "", []).rows)
            return self.catalog.engine.query(sql, scope)

    def analyze(self, sql: str, *, prune: bool = False) -> Message:
        """Let the engine check one whole statement with its types.

        Once, however often it is asked.
        """
        key = (sql, prune)
        if key not in self.analyzed:
            with self.refusals():
                scope = self.scope(sql)
                self.analyzed[key] = self.catalog.engine.analyze(sql, scope, prune=prune)
        return self.analyzed[key]

    def scalar(self, expression: str) -> tuple[TypeProto, ValueProto]:
        """Type and value of an expression; in a dry run the value is null."""
        result = self.query(f"select ({expression})")
        value = ValueProto() if self.dry else result.rows[0].cell[0]
        return result.columns[0].type, value

    def table(self, name: str) -> Table:
        """The table that a statement changes. Raises BigQueryError if there is none."""
        found = self.temporary.get(name) or self.catalog.tables.get(self.catalog.full_name(name))
        if found is None:
            raise from_engine(f"Table not found: {name}", self.catalog)
        return found

    @contextmanager
    def refusals(self) -> Iterator[None]:
        try:
            yield
        except GoogleSqlError as error:
            raise from_engine(str(error), self.catalog) from None


def _range(node: Message) -> Message:
    """Where a node lies in the text, in bytes."""
    return inherited(unwrap(node), "parse_location_range")
