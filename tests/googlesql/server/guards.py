"""What BigQuery refuses although it is good GoogleSQL."""

from googlesql.catalog import Table
from googlesql.engine import Column
from googlesql.scans import scans
from googlesql.server.errors import BigQueryError
from googlesql.server.session import Session

MAX_CLUSTERING_COLUMNS = 4
RESERVED_PREFIXES = (
    "_table_",
    "_file_",
    "_partition",
    "_row_timestamp",
    "__root__",
    "_colidentifier",
)


def unique_columns(columns: list[Column]) -> None:
    """Two columns of one name: GoogleSQL gives them, BigQuery does not."""
    names = [column.name.lower() for column in columns]
    repeated = sorted(
        {name for name in names if names.count(name) > 1 and not name.startswith("$")}
    )
    if repeated:
        raise BigQueryError(
            "Duplicate column names in the result are not supported. "
            f"Found duplicate(s): {', '.join(repeated)}"
        )


def named_columns(columns: list[Column]) -> None:
    """A table's columns need names, and not those that BigQuery keeps for itself."""
    for place, column in enumerate(columns, start=1):
        if not column.name or column.name.startswith("$"):
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
    """A table that requires a partition filter is read only behind one."""
    guarded = [
        table
        for name in session.catalog.engine.table_names(sql)
        if (table := session.catalog.tables.get(session.catalog.full_name(name)))
        and _requires_filter(table)
    ]
    if not guarded:
        return
    read = scans(session.analyze(sql, prune=True))
    for table in guarded:
        column = table.partition_column or ""
        for scan in read:
            filtered = {name.lower() for name in scan.filtered}
            if scan.table == table.name and column.lower() not in filtered:
                raise BigQueryError(
                    f"Cannot query over table '{table.name}' without a filter over column(s) "
                    f"'{column}' that can be used for partition elimination"
                )


def _requires_filter(table: Table) -> bool:
    own = table.properties.get("requirePartitionFilter")
    return bool(own or table.properties.get("timePartitioning", {}).get("requirePartitionFilter"))
