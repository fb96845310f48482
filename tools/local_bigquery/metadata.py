"""BigQuery's tables about tables: INFORMATION_SCHEMA views and the meta-table `__TABLES__`."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import TableContent
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

from local_bigquery import partitions, properties, schema
from local_bigquery.engine import Column
from local_bigquery.values import write_row

if TYPE_CHECKING:
    from local_bigquery.catalog import Catalog, Table

Record = dict[str, Any]
TABLE_KINDS = {"TABLE": 1, "VIEW": 2, "EXTERNAL": 3, "MATERIALIZED_VIEW": 2, "SNAPSHOT": 1}

# Columns in the order in which Google documents them.
COLUMNS = {
    "__TABLES__": "project_id STRING, dataset_id STRING, table_id STRING, creation_time INT64, "
    "last_modified_time INT64, row_count INT64, size_bytes INT64, type INT64",
    "SCHEMATA": "catalog_name STRING, schema_name STRING, schema_owner STRING, "
    "creation_time TIMESTAMP, last_modified_time TIMESTAMP, location STRING, ddl STRING",
    "TABLES": "table_catalog STRING, table_schema STRING, table_name STRING, table_type STRING, "
    "is_insertable_into STRING, is_typed STRING, creation_time TIMESTAMP, ddl STRING",
    "COLUMNS": "table_catalog STRING, table_schema STRING, table_name STRING, column_name STRING, "
    "ordinal_position INT64, is_nullable STRING, data_type STRING, is_generated STRING, "
    "is_hidden STRING, is_system_defined STRING, is_partitioning_column STRING, "
    "clustering_ordinal_position INT64, collation_name STRING, column_default STRING",
    "COLUMN_FIELD_PATHS": "table_catalog STRING, table_schema STRING, table_name STRING, "
    "column_name STRING, field_path STRING, data_type STRING, description STRING, "
    "collation_name STRING, rounding_mode STRING",
    "TABLE_OPTIONS": "table_catalog STRING, table_schema STRING, table_name STRING, "
    "option_name STRING, option_type STRING, option_value STRING",
    "VIEWS": "table_catalog STRING, table_schema STRING, table_name STRING, "
    "view_definition STRING, check_option STRING, use_standard_sql STRING",
    "MATERIALIZED_VIEWS": "table_catalog STRING, table_schema STRING, table_name STRING, "
    "last_refresh_time TIMESTAMP, refresh_watermark TIMESTAMP",
    "PARTITIONS": "table_catalog STRING, table_schema STRING, table_name STRING, "
    "partition_id STRING, total_rows INT64, total_logical_bytes INT64, "
    "last_modified_time TIMESTAMP, storage_tier STRING",
    "TABLE_STORAGE": "project_id STRING, table_catalog STRING, table_schema STRING, "
    "table_name STRING, creation_time TIMESTAMP, total_rows INT64, total_partitions INT64, "
    "total_logical_bytes INT64, storage_last_modified_time TIMESTAMP, deleted BOOL, "
    "table_type STRING",
    "OBJECT_PRIVILEGES": "object_catalog STRING, object_schema STRING, object_name STRING, "
    "object_type STRING, privilege_type STRING, grantee STRING",
}


def view(catalog: "Catalog", name: str) -> tuple[list[Column], Callable[[], TableContent]] | None:
    """Columns and rows of the metadata view of that name.

    `p.d.__TABLES__`, `p.d.INFORMATION_SCHEMA.COLUMNS` and so on.
    """
    parts = name.split(".")
    wanted = parts[-1] if parts[-1] == "__TABLES__" else parts[-1].upper()
    is_schema_view = len(parts) >= 3 and parts[-2].upper() == "INFORMATION_SCHEMA"
    if wanted not in COLUMNS or not (is_schema_view or wanted == "__TABLES__"):
        return None
    project = parts[0]
    dataset = None if is_schema_view and parts[1].startswith("region-") else parts[1]
    columns = _columns(COLUMNS[wanted])

    def rows() -> TableContent:
        content = TableContent()
        for record in RECORDS[wanted](catalog, project, dataset):
            write_row(content.table_data.row.add(), record, columns)
        return content

    return columns, rows


def _columns(text: str) -> list[Column]:
    pairs = (column.split() for column in text.split(", "))
    return [Column(name, TypeProto(type_kind=schema.KINDS[kind])) for name, kind in pairs]


def _tables(catalog: "Catalog", project: str, dataset: str | None) -> list["Table"]:
    datasets = [dataset] if dataset else [name for of, name in catalog.datasets if of == project]
    return [table for name in datasets for table in catalog.tables_of(project, name)]


def _identity(table: "Table") -> Record:
    return {
        "table_catalog": table.project,
        "table_schema": table.dataset,
        "table_name": table.table_id,
    }


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _size(table: "Table") -> int:
    return table.rows.ByteSize()


def _meta_tables(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for table in _tables(catalog, project, dataset):
        yield {
            "project_id": table.project,
            "dataset_id": table.dataset,
            "table_id": table.table_id,
            "creation_time": table.created,
            "last_modified_time": table.modified,
            "row_count": len(table.rows.table_data.row),
            "size_bytes": _size(table),
            "type": TABLE_KINDS[table.kind],
        }


def _schemata(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for (of, name), resource in sorted(catalog.datasets.items()):
        if of == project:
            yield {
                "catalog_name": of,
                "schema_name": name,
                "location": resource.get("location"),
            }


def _table_rows(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    kinds = {"TABLE": "BASE TABLE", "MATERIALIZED_VIEW": "MATERIALIZED VIEW"}
    for table in _tables(catalog, project, dataset):
        yield _identity(table) | {
            "table_type": kinds.get(table.kind, table.kind),
            "is_insertable_into": "YES" if table.kind == "TABLE" else "NO",
            "is_typed": "NO",
            "creation_time": _moment(table.created),
            "ddl": properties.create_statement(table),
        }


def _column_rows(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for table in _tables(catalog, project, dataset):
        clustering = table.properties.get("clustering", {}).get("fields", [])
        order = {name.lower(): place for place, name in enumerate(clustering, start=1)}
        partition = (table.partition_column or "").lower()
        for place, column in enumerate(table.columns, start=1):
            is_partition = column.name.lower() == partition
            yield _identity(table) | {
                "column_name": column.name,
                "ordinal_position": place,
                "is_nullable": "YES",
                "data_type": schema.sql_name(column.type),
                "is_generated": "NEVER",
                "is_hidden": "NO",
                "is_system_defined": "NO",
                "is_partitioning_column": "YES" if is_partition else "NO",
                "clustering_ordinal_position": order.get(column.name.lower()),
                "collation_name": "NULL",
            }


def _field_paths(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for table in _tables(catalog, project, dataset):
        described = table.properties.get("columnDescriptions", {})
        for column in table.columns:
            for path, type_ in _paths(column.name, column.type):
                yield _identity(table) | {
                    "column_name": column.name,
                    "field_path": path,
                    "data_type": schema.sql_name(type_),
                    "description": described.get(path.lower()),
                    "collation_name": "NULL",
                }


def _paths(path: str, type_: TypeProto) -> Iterator[tuple[str, TypeProto]]:
    yield path, type_
    inner = type_.array_type.element_type if schema.is_array(type_) else type_
    if schema.is_struct(inner):
        for part in inner.struct_type.field:
            yield from _paths(f"{path}.{part.field_name}", part.field_type)


def _options(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for table in _tables(catalog, project, dataset):
        for name, kind, value in properties.options(table.properties):
            yield _identity(table) | {
                "option_name": name,
                "option_type": kind,
                "option_value": value,
            }


def _views(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for table in _tables(catalog, project, dataset):
        if table.kind == "VIEW":
            yield _identity(table) | {"view_definition": table.sql, "use_standard_sql": "YES"}


def _materialized(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for table in _tables(catalog, project, dataset):
        if table.kind == "MATERIALIZED_VIEW":
            yield _identity(table) | {"last_refresh_time": _moment(table.modified)}


def _partitions(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for table in _tables(catalog, project, dataset):
        for partition, rows in partitions.rows_by_partition(table).items():
            yield _identity(table) | {
                "partition_id": partition,
                "total_rows": len(rows),
                "total_logical_bytes": sum(row.ByteSize() for row in rows),
                "last_modified_time": _moment(table.modified),
                "storage_tier": "ACTIVE",
            }


def _storage(catalog: "Catalog", project: str, dataset: str | None) -> Iterator[Record]:
    for table in _tables(catalog, project, dataset):
        yield _identity(table) | {
            "project_id": table.project,
            "creation_time": _moment(table.created),
            "total_rows": len(table.rows.table_data.row),
            "total_partitions": len(partitions.rows_by_partition(table)),
            "total_logical_bytes": _size(table),
            "storage_last_modified_time": _moment(table.modified),
            "deleted": False,
            "table_type": "BASE TABLE",
        }


def _nothing(catalog: "Catalog", project: str, dataset: str | None) -> Iterable[Record]:
    return ()


RECORDS: dict[str, Callable[["Catalog", str, str | None], Iterable[Record]]] = {
    "__TABLES__": _meta_tables,
    "SCHEMATA": _schemata,
    "TABLES": _table_rows,
    "COLUMNS": _column_rows,
    "COLUMN_FIELD_PATHS": _field_paths,
    "TABLE_OPTIONS": _options,
    "VIEWS": _views,
    "MATERIALIZED_VIEWS": _materialized,
    "PARTITIONS": _partitions,
    "TABLE_STORAGE": _storage,
    "OBJECT_PRIVILEGES": _nothing,
}
