"""What there is to read.

Projects' datasets and tables, wildcard tables, views; and from it the scope of a statement.
"""

import io
import pickle
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from google.protobuf.message import Message
from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import TableContent
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery import metadata, names, schema
from local_bigquery.engine import Column, Engine, Relation, Scope

MESSAGES = {one.DESCRIPTOR.full_name: one for one in (TableContent, TypeProto, ValueProto)}
# Every change of any table has a number of its own.
VERSIONS = count(1)


@dataclass(eq=False)
class Table:
    """A table, view, materialized view or snapshot.

    `properties` are those of the REST resource: description, labels, timePartitioning, …
    """

    project: str
    dataset: str
    table_id: str
    columns: list[Column]
    kind: str = "TABLE"
    sql: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    created: int = field(default_factory=lambda: time.time_ns() // 10**6)
    modified: int = 0
    rows: TableContent = field(default_factory=TableContent)
    version: int = field(default_factory=VERSIONS.__next__)
    _packed: bytes | None = None
    _shape: "Table | None" = None

    def __post_init__(self) -> None:
        self.modified = self.modified or self.created
        self.rows.table_data.SetInParent()

    @property
    def name(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table_id}"

    @property
    def partition_column(self) -> str | None:
        """The column by which the table is cut, if it is."""
        for key in ("timePartitioning", "rangePartitioning"):
            if key in self.properties:
                return self.properties[key].get("field")
        return None

    def is_worked_out(self) -> bool:
        return True

    def content(self) -> TableContent:
        return self.rows

    def packed(self) -> bytes:
        """The rows in bytes, as the engine takes them."""
        if self._packed is None:
            self._packed = self.rows.SerializeToString()
        return self._packed

    def shape(self) -> "Table":
        """The table without its rows, the same one as long as its columns are the same."""
        if self._shape is None or self._shape.columns is not self.columns:
            self._shape = Table(self.project, self.dataset, self.table_id, self.columns)
        return self._shape

    def replace(self, content: TableContent) -> None:
        """Put other rows in the place of all."""
        self.rows = content
        self.rows.table_data.SetInParent()
        self.modified = time.time_ns() // 10**6
        self._is_another()

    def position(self, column: str) -> int:
        """Where a column stands, by name in any case. Raises KeyError."""
        for position, known in enumerate(self.columns):
            if known.name.lower() == column.lower():
                return position
        raise KeyError(column)

    def add_column(self, column: Column) -> None:
        """Add a column; it is null in every row that there is."""
        self.columns = [*self.columns, column]
        for row in self.rows.table_data.row:
            row.cell.add()
        self._is_another()

    def drop_column(self, name: str) -> None:
        """Drop a column with its values. Raises KeyError."""
        place = self.position(name)
        self.columns = [column for at, column in enumerate(self.columns) if at != place]
        for row in self.rows.table_data.row:
            del row.cell[place]
        self._is_another()

    def rename_column(self, name: str, new_name: str) -> None:
        """Give a column another name. Raises KeyError."""
        place = self.position(name)
        renamed = Column(new_name, self.columns[place].type)
        self.columns = [*self.columns[:place], renamed, *self.columns[place + 1 :]]
        self._is_another()

    def _is_another(self) -> None:
        self.version, self._packed = next(VERSIONS), None


@dataclass(eq=False)
class Computed:
    """Columns with rows that are worked out when they are asked for, once.

    `made_of`: the versions of the tables that it reads; None where it must be worked out anew after
    every change of anything.
    """

    columns: list[Column]
    compute: Any
    made_of: tuple[int, ...] | None = None
    version: int = field(default_factory=VERSIONS.__next__)
    _content: TableContent | None = None
    _packed: bytes | None = None

    def is_worked_out(self) -> bool:
        return self._content is not None

    def content(self) -> TableContent:
        if self._content is None:
            self._content = self.compute()
            self._content.table_data.SetInParent()
        return self._content

    def packed(self) -> bytes:
        if self._packed is None:
            self._packed = self.content().SerializeToString()
        return self._packed


class Catalog:
    """Datasets and tables of any number of projects; names without a project mean `project`."""

    def __init__(self, engine: Engine, project: str = "test-project", location: str = "US") -> None:
        self.engine = engine
        self.project = project
        self.location = location
        self.datasets: dict[tuple[str, str], dict[str, Any]] = {}
        self.tables: dict[str, Table] = {}
        self._computed: dict[str, Computed] = {}

    def add_dataset(self, project: str, dataset: str, **properties: Any) -> dict[str, Any]:
        """Create a dataset, or return the one that is there."""
        resource = {
            "kind": "bigquery#dataset",
            "id": f"{project}:{dataset}",
            "datasetReference": {"projectId": project, "datasetId": dataset},
            "location": self.location,
        }
        return self.datasets.setdefault((project, dataset), {**resource, **properties})

    def add(self, table: Table) -> Table:
        """Create a table or put it in the place of another."""
        self.tables[table.name] = table
        self.changed()
        return table

    def drop(self, name: str) -> Table | None:
        self.changed()
        return self.tables.pop(name, None)

    def drop_dataset(self, project: str, dataset: str) -> None:
        del self.datasets[project, dataset]
        for name in [name for name in self.tables if name.startswith(f"{project}.{dataset}.")]:
            self.drop(name)

    def changed(self) -> None:
        """Forget what was worked out from anything: something is not what it was."""
        self._computed = {name: one for name, one in self._computed.items() if one.made_of}

    def dump(self) -> bytes:
        """Everything that is there, for the catalog of another server to `load`."""
        content = io.BytesIO()
        _Pickler(content).dump((self.datasets, self.tables))
        return content.getvalue()

    def load(self, content: bytes) -> None:
        """Become what another catalog was; only for content of this process's own making."""
        self.datasets, self.tables = pickle.loads(content)
        for table in self.tables.values():  # the versions of another process are no versions here
            table.version, table._shape = next(VERSIONS), None
        self._computed = {}

    def tables_of(self, project: str, dataset: str) -> list[Table]:
        """The tables of a dataset, by name."""
        prefix = f"{project}.{dataset}."
        return [table for name, table in sorted(self.tables.items()) if name.startswith(prefix)]

    def full_name(self, name: str) -> str:
        """`dataset.table` with the default project before it; anything else as it is."""
        return f"{self.project}.{name}" if name.count(".") == 1 else name

    def normalize(self, sql: str) -> str:
        """The statement with every table path as one quoted name: so the engine looks them up."""
        return names.join_paths(sql, self.project, self.datasets.keys())

    def relation(self, name: str) -> Relation | None:
        """The table, view, wildcard table or metadata view of that name; None if there is none."""
        name = self.full_name(name)
        table = self.tables.get(name)
        if table is not None and table.sql is None:
            return table
        made_of = self._made_of(table, name)
        known = self._computed.get(name)
        if known is None or known.made_of != made_of:
            made = self._view(table) if table is not None else self._special(name)
            if made is None:
                return None
            made.made_of = made_of
            self._computed[name] = known = made
        return known

    def _made_of(self, view: Table | None, name: str) -> tuple[int, ...] | None:
        """The versions of what a view or a wildcard table is made of; None for a metadata view."""
        if view is not None:
            read = [self.relation(one) for one in sorted(names.tables_in(view.sql))]
            return (view.version, *(one.version if one else 0 for one in read))
        if name.endswith("*"):
            return tuple(shard.version for shard in self._shards(name[:-1]))
        return None

    def scope(self, sql: str, extra: dict[str, Relation] | None = None) -> Scope:
        """The scope of one normalised statement.

        The tables that it names, `extra` ones before the catalog's own.
        """
        tables: dict[str, Relation] = {}
        for name in names.tables_in(sql) | set(extra or ()):
            relation = (extra or {}).get(name) or self.relation(name)
            if relation is not None:
                tables[name] = relation
        return Scope(tables)

    def _view(self, view: Table) -> Computed:
        def rows() -> TableContent:
            return self.engine.query(view.sql, self.scope(view.sql)).content

        return Computed(view.columns, rows)

    def _special(self, name: str) -> Computed | None:
        if name.endswith("*"):
            return self._wildcard(name[:-1])
        view = metadata.view(self, name)
        return view and Computed(*view)

    def _shards(self, prefix: str) -> list[Table]:
        return [
            table
            for name, table in sorted(self.tables.items())
            if name.startswith(prefix) and table.kind == "TABLE"
        ]

    def _wildcard(self, prefix: str) -> Computed | None:
        """All tables whose names begin so, with the columns of the newest, as BigQuery does it."""
        shards = self._shards(prefix)
        if not shards:
            return None
        columns = max(shards, key=lambda table: table.created).columns
        suffix = Column("_TABLE_SUFFIX", schema.STRING, is_pseudo=True)
        return Computed([*columns, suffix], lambda: _united(shards, columns, prefix))


class _Pickler(pickle.Pickler):
    """Messages are kept in protobuf's own bytes: nothing imports their classes."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Message):
            return _message, (value.DESCRIPTOR.full_name, value.SerializeToString())
        return NotImplemented


def _message(name: str, content: bytes) -> Message:
    return MESSAGES[name].FromString(content)


def _united(shards: Iterable[Table], columns: list[Column], prefix: str) -> TableContent:
    content = TableContent()
    for shard in shards:
        places = {column.name.lower(): place for place, column in enumerate(shard.columns)}
        order = [places.get(column.name.lower()) for column in columns]
        suffix = ValueProto(string_value=shard.name[len(prefix) :])
        for row in shard.rows.table_data.row:
            target = content.table_data.row.add()
            if order == list(range(len(shard.columns))):
                target.cell.extend(row.cell)
            else:
                missing = ValueProto()
                target.cell.extend(missing if at is None else row.cell[at] for at in order)
            target.cell.append(suffix)
    return content
