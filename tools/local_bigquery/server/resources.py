"""Datasets and tables as the REST API shows and changes them."""

from typing import Any

from local_bigquery import schema
from local_bigquery.catalog import Catalog, Table
from local_bigquery.server import guards
from local_bigquery.server.errors import BigQueryError, already_exists, not_found

Resource = dict[str, Any]
SETTABLE = (
    "description",
    "labels",
    "expirationTime",
    "friendlyName",
    "timePartitioning",
    "rangePartitioning",
    "clustering",
    "requirePartitionFilter",
)


def dataset(catalog: Catalog, project: str, name: str) -> Resource:
    """A dataset's resource. Raises BigQueryError if there is none."""
    if (project, name) not in catalog.datasets:
        raise not_found("Dataset", f"{project}.{name}", catalog.location)
    return catalog.datasets[project, name]


def create_dataset(catalog: Catalog, project: str, body: Resource) -> Resource:
    name = body["datasetReference"]["datasetId"]
    if (project, name) in catalog.datasets:
        raise already_exists("Dataset", f"{project}.{name}")
    return catalog.add_dataset(project, name, **body)


def find(catalog: Catalog, project: str, dataset_name: str, table_id: str) -> Table:
    """A table by its parts. Raises BigQueryError if there is none."""
    dataset(catalog, project, dataset_name)
    name = f"{project}.{dataset_name}.{table_id.split('$')[0]}"
    if name not in catalog.tables:
        raise not_found("Table", name, catalog.location)
    return catalog.tables[name]


def reference(table: Table) -> dict[str, str]:
    return {"projectId": table.project, "datasetId": table.dataset, "tableId": table.table_id}


def table(found: Table, location: str) -> Resource:
    """A table's resource."""
    shown = {key: value for key, value in found.properties.items() if key in SETTABLE}
    rows = found.rows.table_data.row
    resource = {
        "kind": "bigquery#table",
        "id": f"{found.project}:{found.dataset}.{found.table_id}",
        "etag": str(found.modified),
        "tableReference": reference(found),
        "type": found.kind,
        "schema": {"fields": _described(found)},
        "numRows": str(len(rows)),
        "numBytes": str(found.rows.ByteSize()),
        "creationTime": str(found.created),
        "lastModifiedTime": str(found.modified),
        "location": location,
    }
    if found.kind == "VIEW":
        resource["view"] = {"query": found.sql, "useLegacySql": False}
    if found.kind == "MATERIALIZED_VIEW":
        resource["materializedView"] = {"query": found.sql, "enableRefresh": True}
    return resource | shown


def listed(found: Table) -> Resource:
    """A table as it stands in a list."""
    return {
        "kind": "bigquery#table",
        "id": f"{found.project}:{found.dataset}.{found.table_id}",
        "tableReference": reference(found),
        "type": found.kind,
        "creationTime": str(found.created),
    }


def create_table(catalog: Catalog, project: str, dataset_name: str, body: Resource) -> Resource:
    dataset(catalog, project, dataset_name)
    table_id = body["tableReference"]["tableId"]
    name = f"{project}.{dataset_name}.{table_id}"
    if name in catalog.tables:
        raise already_exists("Table", name)
    properties = {key: body[key] for key in SETTABLE if key in body}
    if "view" in body:
        sql = catalog.normalize(body["view"]["query"])
        columns = catalog.engine.output_columns(sql, catalog.scope(sql))
        created = Table(project, dataset_name, table_id, columns, "VIEW", sql, properties)
    else:
        columns = schema.columns_of(body.get("schema", {}).get("fields", []))
        guards.named_columns(columns)
        created = Table(project, dataset_name, table_id, columns, properties=properties)
    return table(catalog.add(created), catalog.location)


def change_table(catalog: Catalog, found: Table, body: Resource) -> Resource:
    """Set properties, add columns, describe columns.

    A column can be neither dropped nor given another type this way.
    """
    for key in SETTABLE:
        if key in body:
            found.properties[key] = body[key]
    fields = (body.get("schema") or {}).get("fields")
    if fields:
        known = {column.name.lower(): column for column in found.columns}
        given = {column.name.lower(): column for column in schema.columns_of(fields)}
        for name, column in known.items():
            if name not in given or given[name].type != column.type:
                raise BigQueryError(
                    f"Provided Schema does not match Table {found.name}. "
                    f"Field {column.name} is missing in new schema or has changed type",
                    "invalid",
                )
        for name, column in given.items():
            if name not in known:
                found.add_column(column)
        found.properties["columnDescriptions"] = dict(_descriptions(fields))
    catalog.changed()
    return table(found, catalog.location)


def _descriptions(fields: list[Resource], path: str = "") -> list[tuple[str, str]]:
    found = []
    for part in fields:
        name = path + part["name"].lower()
        if part.get("description"):
            found.append((name, part["description"]))
        found += _descriptions(part.get("fields") or [], name + ".")
    return found


def _described(found: Table) -> list[Resource]:
    return _describe(
        schema.fields_of(found.columns), found.properties.get("columnDescriptions") or {}
    )


def _describe(fields: list[Resource], texts: dict[str, str], path: str = "") -> list[Resource]:
    for part in fields:
        name = path + part["name"].lower()
        if texts.get(name):
            part["description"] = texts[name]
        _describe(part.get("fields") or [], texts, name + ".")
    return fields
