"""CREATE, DROP and ALTER."""

from typing import Any

from zetasql.wasi._pb2.zetasql.parser import ast_enums_pb2

from local_bigquery import partitions, schema
from local_bigquery.catalog import Table
from local_bigquery.engine import Column, Result, descendants, inherited, unwrap
from local_bigquery.server import guards, options
from local_bigquery.server.errors import BigQueryError, already_exists, not_found
from local_bigquery.server.session import Outcome, Session

TEMPORARY = ast_enums_pb2.ASTCreateStatementEnums.TEMPORARY


def path_text(path: Any) -> str:
    """A table's dotted name from the tree."""
    return ".".join(part.id_string for part in path.names)


def create_table(session: Session, node: Any) -> Outcome:
    """CREATE TABLE with columns, AS SELECT, LIKE, COPY or CLONE."""
    base = node.parent
    name = path_text(base.name)
    is_temporary = base.parent.scope == TEMPORARY or "." not in name
    known = session.temporary.get(name) or session.catalog.tables.get(name)
    as_select = node.HasField("query")
    kind = "CREATE_TABLE_AS_SELECT" if as_select else "CREATE_TABLE"
    if known is not None and base.parent.is_if_not_exists:
        return Outcome(kind, operation="SKIP", destination=name)
    if known is not None and not base.parent.is_or_replace:
        raise already_exists("Table", name)
    _require_dataset(session, name, is_temporary)
    source = next(
        (part for part in (node.copy_data_source, node.clone_data_source) if part.ByteSize()), None
    )
    if source is not None:
        copied = session.table(path_text(inherited(source, "path_expr")))
        result = Result(copied.columns, copied.content())
        properties = dict(copied.properties)
    elif base.HasField("like_table_name"):
        like = session.table(path_text(base.like_table_name))
        result = Result(like.columns, Table("", "", "", []).rows)
        properties = dict(like.properties)
    else:
        result = _contents(session, node, as_select)
        properties = {}
    guards.unique_columns(result.columns)
    guards.named_columns(result.columns)
    properties |= _layout(session, node) | options.of_table(session, base)
    properties = options.settled(properties)
    _check_layout(properties, result.columns)
    table = Table(*_split(name), result.columns, properties=properties)
    table.replace(result.content)
    _keep(session, name, table, is_temporary)
    operation = "REPLACE" if known is not None else "CREATE"
    return Outcome(kind, destination=name, operation=operation, inserted=len(result.rows))


def create_view(session: Session, node: Any) -> Outcome:
    """CREATE VIEW and CREATE MATERIALIZED VIEW; the query is evaluated when the view is read."""
    base = node.parent
    name = path_text(base.name)
    materialized = "Materialized" in node.DESCRIPTOR.name
    kind = "CREATE_MATERIALIZED_VIEW" if materialized else "CREATE_VIEW"
    known = session.catalog.tables.get(name)
    if known is not None and base.parent.is_if_not_exists:
        return Outcome(kind, operation="SKIP")
    if known is not None and not base.parent.is_or_replace:
        raise already_exists("Table", name)
    _require_dataset(session, name, False)
    sql = session.text(base.query)
    resolved = session.analyze(session.text(node))
    columns = [
        Column(output.name, output.column.type)
        for output in inherited(resolved, "output_column_list")
    ]
    guards.unique_columns(columns)
    guards.named_columns(columns)
    properties = options.of_table(session, base) if base.HasField("options_list") else {}
    view_kind = "MATERIALIZED_VIEW" if materialized else "VIEW"
    view = Table(*_split(name), columns, kind=view_kind, sql=sql, properties=properties)
    _keep(session, name, view, False)
    return Outcome(kind, operation="REPLACE" if known is not None else "CREATE")


def create_snapshot(session: Session, node: Any) -> Outcome:
    """CREATE SNAPSHOT TABLE … CLONE …."""
    name = path_text(node.name)
    if name in session.catalog.tables:
        if node.parent.is_if_not_exists:
            return Outcome("CREATE_SNAPSHOT_TABLE", operation="SKIP")
        raise already_exists("Table", name)
    copied = session.table(path_text(inherited(node.clone_data_source, "path_expr")))
    snapshot = Table(*_split(name), copied.columns, "SNAPSHOT", properties=dict(copied.properties))
    snapshot.replace(copied.content())
    _keep(session, name, snapshot, False)
    return Outcome("CREATE_SNAPSHOT_TABLE", operation="CREATE")


def create_schema(session: Session, node: Any) -> Outcome:
    """CREATE SCHEMA [IF NOT EXISTS]."""
    statement = inherited(node, "is_if_not_exists")
    project, dataset = _dataset(session, path_text(inherited(node, "name")))
    if (project, dataset) in session.catalog.datasets and not statement:
        raise already_exists("Dataset", f"{project}.{dataset}")
    if not session.dry:
        session.catalog.add_dataset(project, dataset)
    return Outcome("CREATE_SCHEMA")


def drop(session: Session, node: Any) -> Outcome:
    """DROP TABLE, VIEW, MATERIALIZED VIEW, SNAPSHOT TABLE and SCHEMA."""
    name = path_text(node.name)
    what = session.text(node).split()[1].upper()
    if what == "SCHEMA":
        project, dataset = _dataset(session, name)
        if (project, dataset) not in session.catalog.datasets:
            if node.is_if_exists:
                return Outcome("DROP_SCHEMA")
            raise not_found("Dataset", f"{project}.{dataset}", session.catalog.location)
        if not session.dry:
            session.catalog.drop_dataset(project, dataset)
        return Outcome("DROP_SCHEMA")
    known = session.temporary.get(name) or session.catalog.tables.get(
        session.catalog.full_name(name)
    )
    if known is None and not node.is_if_exists:
        raise not_found("Table", session.catalog.full_name(name), session.catalog.location)
    expected = {"TABLE": ("TABLE",), "VIEW": ("VIEW",)}.get(what)
    if known is not None and expected and known.kind not in expected:
        raise BigQueryError(
            f"Cannot drop {known.name} which has type {known.kind}. "
            f"A DROP {what} statement can only operate on a {what}.",
            "invalid",
        )
    if known is not None and not session.dry:
        session.temporary.pop(name, None) or session.catalog.drop(known.name)
    return Outcome(f"DROP_{what}", operation="DROP" if known is not None else "SKIP")


def alter(session: Session, node: Any) -> Outcome:
    """ALTER TABLE: add, drop and rename columns, options, rename."""
    statement = node.parent
    name = path_text(statement.path)
    kind = "ALTER_VIEW" if "View" in node.DESCRIPTOR.name else "ALTER_TABLE"
    known = session.catalog.tables.get(session.catalog.full_name(name))
    if known is None and statement.is_if_exists:
        return Outcome(kind)
    table = session.table(name)
    if session.dry:
        return Outcome(kind)
    resolved = session.analyze(session.text(node))
    added = {
        definition.name.lower(): Column(definition.name, definition.type)
        for definition in descendants(resolved)
        if definition.DESCRIPTOR.name == "ResolvedColumnDefinitionProto"
    }
    for wrapped in statement.action_list.actions:
        _alter(session, table, unwrap(wrapped), added)
    session.catalog.changed()
    return Outcome(kind)


def _alter(session: Session, table: Table, action: Any, added: dict[str, Column]) -> None:
    kind = action.DESCRIPTOR.name
    known = {column.name.lower() for column in table.columns}
    if kind == "ASTAddColumnActionProto":
        column = added[action.column_definition.name.id_string.lower()]
        if column.name.lower() in known:
            if action.is_if_not_exists:
                return
            raise BigQueryError(f"Column already exists: {column.name}")
        table.add_column(column)
    elif kind == "ASTDropColumnActionProto":
        table.drop_column(action.column_name.id_string)
    elif kind == "ASTRenameColumnActionProto":
        table.rename_column(action.column_name.id_string, action.new_column_name.id_string)
    elif kind == "ASTSetOptionsActionProto":
        given = options.from_list(session, action.options_list)
        table.properties = options.settled(table.properties | given)
    elif kind == "ASTAlterColumnOptionsActionProto":
        given = options.from_list(session, action.options_list)
        descriptions = table.properties.setdefault("columnDescriptions", {})
        descriptions[action.column_name.id_string.lower()] = given.get("description")
    elif kind == "ASTRenameToClauseProto":
        session.catalog.drop(table.name)
        table.table_id = action.new_name.names[-1].id_string.split(".")[-1]
        session.catalog.add(table)
    elif not kind.startswith(("ASTAddConstraint", "ASTDropPrimaryKey", "ASTDropConstraint")):
        raise BigQueryError(f"The local server does not know {kind}.", "notImplemented")


def _contents(session: Session, node: Any, as_select: bool) -> Result:
    """Columns and rows of a new table; declared types win over the query's."""
    if not as_select:
        return Result(_declared(session, session.text(node)), Table("", "", "", []).rows)
    query = session.text(node.query)
    if session.dry:
        result, whole = session.query(query), session.text(node)
    else:
        try:
            result = session.query(query)
        except BigQueryError:
            session.analyze(session.text(node))  # its words tell the place in the whole statement
            raise
        whole = _with_typed_nulls(session, node, result.columns)
    declared = _declared(session, whole)
    wanted = [column.type for column in declared]
    if declared and wanted != [column.type for column in result.columns]:
        names = ", ".join(f"c{place}" for place in range(len(declared)))
        casts = ", ".join(
            f"cast(c{place} as {schema.sql_name(type_)})" for place, type_ in enumerate(wanted)
        )
        result = session.query(f"with q({names}) as ({query}) select {casts} from q")
    return Result(declared or result.columns, result.content)


def _declared(session: Session, sql: str) -> list[Column]:
    definitions = inherited(session.analyze(sql), "column_definition_list")
    return [Column(definition.name, definition.type) for definition in definitions]


def _with_typed_nulls(session: Session, node: Any, columns: list[Column]) -> str:
    """The statement with its query's columns in the place of the query, which is checked by now."""
    nulls = ", ".join(
        f"cast(null as {schema.sql_name(column.type)})"
        + ("" if guards.is_unnamed(column) else f" as `{column.name}`")
        for column in columns
    )
    return session.text(node).replace(session.text(node.query), f"select {nulls}", 1)


def _layout(session: Session, node: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if node.HasField("partition_by"):
        expression = session.text(node.partition_by)[len("partition by") :]
        try:
            properties |= partitions.properties_of(expression)
        except ValueError as error:
            raise BigQueryError(str(error)) from None
    if node.HasField("cluster_by"):
        listed = session.text(node.cluster_by)[len("cluster by") :].split(",")
        properties["clustering"] = {"fields": [name.strip(" `\n") for name in listed]}
        guards.clustering(properties["clustering"]["fields"])
    return properties


def _check_layout(properties: dict[str, Any], columns: list[Column]) -> None:
    table = Table("", "", "", columns, properties=properties)
    wanted = [table.partition_column, *properties.get("clustering", {}).get("fields", [])]
    for name in filter(None, wanted):
        try:
            table.position(name)
        except KeyError:
            raise BigQueryError(f"Unrecognized name: {name}") from None
    if properties.get("requirePartitionFilter") and not table.partition_column:
        raise BigQueryError("require_partition_filter can only be set on partitioned tables")


def _keep(session: Session, name: str, table: Table, is_temporary: bool) -> None:
    if session.dry or is_temporary:
        session.temporary[name] = table
    else:
        session.catalog.add(table)


def _require_dataset(session: Session, name: str, is_temporary: bool) -> None:
    project, dataset, _ = _split(session.catalog.full_name(name))
    if not is_temporary and (project, dataset) not in session.catalog.datasets:
        raise not_found("Dataset", f"{project}.{dataset}", session.catalog.location)


def _dataset(session: Session, name: str) -> tuple[str, str]:
    project, _, dataset = name.rpartition(".")
    return project or session.catalog.project, dataset


def _split(name: str) -> tuple[str, str, str]:
    parts = name.split(".")
    project, dataset, table_id = [*["_temporary"] * (3 - len(parts)), *parts]
    return project, dataset, table_id
