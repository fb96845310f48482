"""The REST methods: what each path does, and its answer."""

from collections.abc import Callable
from typing import Any, NamedTuple

from local_bigquery import schema
from local_bigquery.catalog import Catalog
from local_bigquery.engine import Column
from local_bigquery.server import resources, writes
from local_bigquery.server.errors import BigQueryError, not_found
from local_bigquery.server.jobs import ANONYMOUS, Job, Jobs
from local_bigquery.values import to_cell, write_row

PAGE = 10_000
Resource = dict[str, Any]


class Call(NamedTuple):
    """One call: where it goes, the parts of its path, its query and body."""

    catalog: Catalog
    jobs: Jobs
    parts: tuple[str, ...]
    query: dict[str, str]
    body: Resource


def list_datasets(call: Call) -> Resource:
    known = [
        found
        for (project, _), found in sorted(call.catalog.datasets.items())
        if project == call.parts[0]
    ]
    return {"kind": "bigquery#datasetList", "datasets": known}


def create_dataset(call: Call) -> Resource:
    return resources.create_dataset(call.catalog, call.parts[0], call.body)


def get_dataset(call: Call) -> Resource:
    return resources.dataset(call.catalog, *call.parts)


def change_dataset(call: Call) -> Resource:
    found = resources.dataset(call.catalog, *call.parts)
    found.update(call.body)
    return found


def delete_dataset(call: Call) -> Resource:
    project, name = call.parts
    resources.dataset(call.catalog, project, name)
    if call.catalog.tables_of(project, name) and call.query.get("deleteContents") != "true":
        raise BigQueryError(f"Dataset {project}:{name} is still in use", "invalid")
    call.catalog.drop_dataset(project, name)
    return {}


def list_tables(call: Call) -> Resource:
    project, name = call.parts
    resources.dataset(call.catalog, project, name)
    tables = [resources.listed(table) for table in call.catalog.tables_of(project, name)]
    return {"kind": "bigquery#tableList", "tables": tables, "totalItems": len(tables)}


def create_table(call: Call) -> Resource:
    return resources.create_table(call.catalog, *call.parts, call.body)


def get_table(call: Call) -> Resource:
    if call.parts[1] == ANONYMOUS:
        return resources.table(call.jobs.result_table(call.parts[2]), call.catalog.location)
    return resources.table(resources.find(call.catalog, *call.parts), call.catalog.location)


def change_table(call: Call) -> Resource:
    return resources.change_table(
        call.catalog, resources.find(call.catalog, *call.parts), call.body
    )


def delete_table(call: Call) -> Resource:
    call.catalog.drop(resources.find(call.catalog, *call.parts).name)
    return {}


def table_data(call: Call) -> Resource:
    """A page of a table's rows; of the columns in `selectedFields`, if given."""
    project, dataset, table_id = call.parts
    if dataset == ANONYMOUS:
        table = call.jobs.result_table(table_id)
    else:
        table = resources.find(call.catalog, project, dataset, table_id)
    wanted = [name.lower() for name in call.query.get("selectedFields", "").split(",") if name]
    places = [
        place
        for place, column in enumerate(table.columns)
        if not wanted or column.name.lower() in wanted
    ]
    columns = [table.columns[place] for place in places]
    rows = [[row.cell[place] for place in places] for row in table.rows.table_data.row]
    return {"kind": "bigquery#tableDataList", **_page(call, columns, rows)}


def insert_all(call: Call) -> Resource:
    """Streaming inserts; rows that do not fit are answered one by one, and then none is written."""
    table = resources.find(call.catalog, *call.parts)
    content = type(table.rows)()
    errors = []
    for number, given in enumerate(call.body["rows"]):
        try:
            _refuse_unknown(given["json"], table.columns)
            write_row(content.table_data.row.add(), given["json"], table.columns)
        except ValueError as error:
            detail = {"reason": "invalid", "message": str(error)}
            errors.append({"index": number, "errors": [detail]})
    if errors:
        return {"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": errors}
    writes.write(call.catalog, resources.reference(table), table.columns, content, {})
    return {"kind": "bigquery#tableDataInsertAllResponse"}


def insert_job(call: Call) -> Resource:
    return call.jobs.insert(call.parts[0], call.body).resource


def list_jobs(call: Call) -> Resource:
    known = [{**job.resource, "state": "DONE"} for job in call.jobs.known.values()]
    return {"kind": "bigquery#jobList", "jobs": known[::-1]}


def get_job(call: Call) -> Resource:
    return call.jobs.get(call.parts[1]).resource


def cancel_job(call: Call) -> Resource:
    return {"kind": "bigquery#jobCancelResponse", "job": call.jobs.get(call.parts[1]).resource}


def query(call: Call) -> Resource:
    """jobs.query: run and answer with the first page in one call."""
    options = dict(call.body)
    config = {"query": options, "dryRun": options.pop("dryRun", False)}
    reference = {"location": options.pop("location")} if options.get("location") else {}
    job = call.jobs.insert(call.parts[0], {"configuration": config, "jobReference": reference})
    return {**_results(call, job), "kind": "bigquery#queryResponse"}


def query_results(call: Call) -> Resource:
    return _results(call, call.jobs.get(call.parts[1]))


def list_nothing(name: str) -> Callable[[Call], Resource]:
    return lambda call: {name: []}


def no_routine(call: Call) -> Resource:
    """Routines cannot be made here, so none is there."""
    project, dataset, name = call.parts
    resources.dataset(call.catalog, project, dataset)
    raise not_found("Routine", f"{project}.{dataset}.{name}", call.catalog.location)


def _results(call: Call, job: Job) -> Resource:
    if job.error is not None:
        raise job.error
    answer = {
        "kind": "bigquery#getQueryResultsResponse",
        "jobReference": job.resource["jobReference"],
        "jobComplete": True,
        "schema": {"fields": schema.fields_of(job.columns)},
        "totalBytesProcessed": job.resource["statistics"].get("totalBytesProcessed", "0"),
        "cacheHit": False,
        **_page(call, job.columns, [row.cell for row in job.rows]),
    }
    if job.affected is not None:
        answer["numDmlAffectedRows"] = str(job.affected)
    return answer


def _page(call: Call, columns: list[Column], rows: list[Any]) -> Resource:
    """Rows from `startIndex` or a page token on, at most `maxResults` of them."""
    given = {**call.body, **call.query}
    start = int(given.get("pageToken") or given.get("startIndex") or 0)
    size = int(given["maxResults"]) if given.get("maxResults") is not None else PAGE
    page: Resource = {"totalRows": str(len(rows))}
    chosen = rows[start : start + size]
    if size:
        page["rows"] = [
            {
                "f": [
                    {"v": to_cell(cell, column.type)}
                    for cell, column in zip(row, columns, strict=True)
                ]
            }
            for row in chosen
        ]
    if size and start + size < len(rows):
        page["pageToken"] = str(start + size)
    return page


def _refuse_unknown(record: Resource, columns: list[Column]) -> None:
    known = {column.name.lower() for column in columns}
    for name in record:
        if name.lower() not in known:
            raise ValueError(f"no such field: {name}.")


DATASETS = r"/projects/([^/]+)/datasets"
DATASET = DATASETS + r"/([^/]+)"
TABLES = DATASET + r"/tables"
TABLE = TABLES + r"/([^/]+)"
JOBS = r"/projects/([^/]+)/jobs"
JOB = JOBS + r"/([^/]+)"

ROUTES: list[tuple[str, str, Callable[[Call], Resource]]] = [
    ("GET", DATASETS, list_datasets),
    ("POST", DATASETS, create_dataset),
    ("GET", DATASET, get_dataset),
    ("PATCH", DATASET, change_dataset),
    ("PUT", DATASET, change_dataset),
    ("DELETE", DATASET, delete_dataset),
    ("GET", TABLES, list_tables),
    ("POST", TABLES, create_table),
    ("GET", TABLE, get_table),
    ("PATCH", TABLE, change_table),
    ("PUT", TABLE, change_table),
    ("DELETE", TABLE, delete_table),
    ("GET", TABLE + "/data", table_data),
    ("POST", TABLE + "/insertAll", insert_all),
    ("GET", DATASET + "/routines", list_nothing("routines")),
    ("GET", DATASET + r"/routines/([^/]+)", no_routine),
    ("GET", DATASET + "/models", list_nothing("models")),
    ("POST", JOBS, insert_job),
    ("GET", JOBS, list_jobs),
    ("GET", JOB, get_job),
    ("POST", JOB + "/cancel", cancel_job),
    ("DELETE", JOB + "/delete", cancel_job),
    ("POST", r"/projects/([^/]+)/queries", query),
    ("GET", r"/projects/([^/]+)/queries/([^/]+)", query_results),
]
