"""What BigQuery refuses although it is good GoogleSQL."""

from local_bigquery import names
from local_bigquery.bounds import unbounded
from local_bigquery.catalog import Table
from local_bigquery.engine import Column
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.session import Session

MAX_CLUSTERING_COLUMNS = 4
RESERVED_PREFIXES = (
    "_table_",
    "_file_",
    "_partition",
    "_row_timestamp",
    "__root__",
    "_colidentifier",
    "_change_",
)


def is_unnamed(column: Column) -> bool:
    """Say whether a query gives a column no name: `select 1`."""
    return not column.name or column.name.startswith("$")


def unique_columns(columns: list[Column]) -> None:
    """Two columns of one name: GoogleSQL gives them, BigQuery does not."""
    names = [column.name.lower() for column in columns if not is_unnamed(column)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BigQueryError(
            "Duplicate column names in the result are not supported. "
            f"Found duplicate(s): {', '.join(repeated)}"
        )


def named_columns(columns: list[Column]) -> None:
    """A table's columns need names, and not those that BigQuery keeps for itself."""
    for place, column in enumerate(columns, start=1):
        if is_unnamed(column):
            raise BigQueryError(
                f"CREATE TABLE columns must be named, but column {place} has no name"
            )
        if column.name.lower().startswith(RESERVED_PREFIXES):
            raise BigQueryError(
                f'Invalid field name "{column.name}". Field names are not allowed to start with '
                f"the (case-insensitive) prefixes {', '.join(RESERVED_PREFIXES).upper()}",
                "invalid",
            )


def clustering(columns: list[str]) -> None:
    if len(columns) > MAX_CLUSTERING_COLUMNS:
        raise BigQueryError(
            f"Too many clustering columns: {len(columns)}. "
            f"The maximum number of clustering columns is {MAX_CLUSTERING_COLUMNS}."
        )


def partition_filters(session: Session, sql: str) -> None:
    """A table that requires a partition filter is read only behind one, through views too."""
    sql = through_views(session, sql)
    guarded = {
        table.name: table.partition_column or ""
        for name in names.tables_in(sql)
        if (table := session.catalog.tables.get(session.catalog.full_name(name)))
        and _requires_filter(table)
    }
    if not guarded:
        return
    for name in unbounded(session.analyze(sql, prune=True), guarded, literal=False):
        raise BigQueryError(
            f"Cannot query over table '{name}' without a filter over column(s) "
            f"'{guarded[name]}' that can be used for partition elimination"
        )


def through_views(session: Session, sql: str) -> str:
    """The statement with the queries of views that read a guarded table in the views' places."""
    for name in sorted(names.tables_in(sql)):
        view = session.catalog.tables.get(session.catalog.full_name(name))
        if view is None or view.sql is None or view.kind != "VIEW":
            continue
        query = through_views(session, view.sql)
        read = names.tables_in(query)
        tables = (session.catalog.tables.get(session.catalog.full_name(one)) for one in read)
        if any(table is not None and _requires_filter(table) for table in tables):
            sql = sql.replace(f"`{name}`", f"({query})")
    return sql


def _requires_filter(table: Table) -> bool:
    own = table.properties.get("requirePartitionFilter")
    return bool(own or table.properties.get("timePartitioning", {}).get("requirePartitionFilter"))
