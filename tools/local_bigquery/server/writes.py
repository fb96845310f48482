"""Puts rows into a table as a job's destination says.

Truncate, append or only if empty; whole table or one partition.
"""

from typing import Any

from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import TableContent
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery import partitions
from local_bigquery.catalog import Catalog, Table
from local_bigquery.engine import Column, rows_of
from local_bigquery.server import guards
from local_bigquery.server.errors import BigQueryError, already_exists, not_found

LAYOUT = ("timePartitioning", "rangePartitioning", "clustering", "labels", "description")


def write(
    catalog: Catalog,
    reference: dict[str, str],
    columns: list[Column],
    content: TableContent,
    config: dict[str, Any],
    *,
    default: str = "WRITE_APPEND",
) -> Table:
    """Write rows to `reference`, creating the table where `createDisposition` allows it.

    Raises BigQueryError.
    """
    project, dataset = reference["projectId"], reference["datasetId"]
    table_id, partition = partitions.split_decorator(reference["tableId"])
    name = f"{project}.{dataset}.{table_id}"
    if (project, dataset) not in catalog.datasets:
        raise not_found("Dataset", f"{project}.{dataset}", catalog.location)
    disposition = config.get("writeDisposition") or default
    table = catalog.tables.get(name)
    layout = {key: config[key] for key in LAYOUT if config.get(key)}
    guards.named_columns(columns)
    if table is None:
        if config.get("createDisposition") == "CREATE_NEVER":
            raise not_found("Table", name, catalog.location)
        table = Table(project, dataset, table_id, columns, properties=layout)
        catalog.add(table)
    elif disposition == "WRITE_EMPTY" and table.rows.table_data.row:
        raise already_exists("Table", name)
    elif disposition == "WRITE_TRUNCATE" and partition is None:
        kept = {
            key: value for key, value in table.properties.items() if key != "columnDescriptions"
        }
        table = Table(
            project, dataset, table_id, columns, properties=kept | layout, created=table.created
        )
        catalog.add(table)
    else:
        _fit(table, columns, config)
    rows = _in_order(table, columns, content)
    old = list(table.rows.table_data.row)
    if partition is not None:
        _only(table, rows, partition)
        if disposition == "WRITE_TRUNCATE":
            old = [row for row in old if partitions.partition_id(table, row) != partition]
    table.replace(rows_of([*(row.cell for row in old), *(row.cell for row in rows)]))
    catalog.changed()
    return table


def _fit(table: Table, columns: list[Column], config: dict[str, Any]) -> None:
    """Refuse columns of another type; add new ones where the job allows it."""
    known = {column.name.lower(): column for column in table.columns}
    for column in columns:
        present = known.get(column.name.lower())
        if present is None:
            if "ALLOW_FIELD_ADDITION" not in (config.get("schemaUpdateOptions") or []):
                raise BigQueryError(
                    f"Provided Schema does not match Table {table.name}. "
                    f"Cannot add fields (field: {column.name})",
                    "invalid",
                )
            table.add_column(column)
        elif present.type != column.type:
            raise BigQueryError(
                f"Provided Schema does not match Table {table.name}. "
                f"Field {column.name} has changed type",
                "invalid",
            )


def _in_order(table: Table, columns: list[Column], content: TableContent) -> Any:
    """Rows with their values where the table has the columns."""
    places = {column.name.lower(): place for place, column in enumerate(columns)}
    order = [places.get(column.name.lower()) for column in table.columns]
    missing = ValueProto()
    cells = (
        [missing if place is None else row.cell[place] for place in order]
        for row in content.table_data.row
    )
    return rows_of(cells).table_data.row


def _only(table: Table, rows: Any, partition: str) -> None:
    if table.partition_column is None:
        raise BigQueryError(
            f"Cannot write to partition {partition}: the table is not partitioned", "invalid"
        )
    for row in rows:
        if (found := partitions.partition_id(table, row)) != partition:
            raise BigQueryError(
                f"Some rows belong to different partitions rather than destination partition "
                f"{partition}: {found}",
                "invalid",
            )
