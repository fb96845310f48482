"""Jobs: queries and scripts, loads, copies; each is over when its insertion is answered."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from local_bigquery import names, partitions, schema
from local_bigquery.catalog import Catalog, Table
from local_bigquery.engine import Column, Result, rows_of
from local_bigquery.server import billing, guards, loads, script, writes
from local_bigquery.server.errors import BigQueryError, not_found
from local_bigquery.server.faults import Faults
from local_bigquery.server.session import Outcome, Session, Values
from local_bigquery.values import write as write_value

ANONYMOUS = "_anonymous"
KEPT = 500
Resource = dict[str, Any]


@dataclass
class Job:
    """A finished job: its REST resource, and the rows that it gave."""

    resource: Resource
    columns: list[Column] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    affected: int | None = None

    @property
    def id(self) -> str:
        return self.resource["jobReference"]["jobId"]

    @property
    def error(self) -> BigQueryError | None:
        found = self.resource["status"].get("errorResult")
        return found and BigQueryError(found["message"], found["reason"])


class Jobs:
    """Runs jobs over a catalog and remembers the newest."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.known: dict[str, Job] = {}
        self.faults = Faults()

    def insert(self, project: str, body: Resource, media: bytes | None = None) -> Job:
        """Run a job. A failure is in its status, as on BigQuery; that of a dry run is raised.

        So is the refusal of an id that a job has already.
        """
        config = body["configuration"]
        job = Job(self._resource(project, body))
        if job.id in self.known:
            raise BigQueryError(f"Already Exists: Job {job.resource['id']}", "duplicate")
        try:
            if not config.get("dryRun"):
                self.faults.strike(_told(config))
            self._refuse_wrong_location(job)
            if "query" in config:
                self._query(job, config)
            elif "load" in config:
                self._load(job, config["load"], media or b"")
            elif "copy" in config:
                self._copy(job, config["copy"])
            else:
                raise BigQueryError("The local server does not know this job.", "notImplemented")
        except BigQueryError as error:
            if config.get("dryRun"):
                raise
            job.resource["status"] |= {"errorResult": error.proto(), "errors": [error.proto()]}
        if not config.get("dryRun"):
            self.known[job.id] = job
        while len(self.known) > KEPT:
            del self.known[next(iter(self.known))]
        return job

    def get(self, job_id: str) -> Job:
        if job_id not in self.known:
            raise BigQueryError(f"Not found: Job {job_id}", "notFound")
        return self.known[job_id]

    def result_table(self, table_id: str) -> Table:
        """The rows of a query as the temporary table that BigQuery keeps them in."""
        job = self.get(table_id.removeprefix("anon_"))
        table = Table("", ANONYMOUS, table_id, job.columns)
        table.replace(rows_of(row.cell for row in job.rows))
        return table

    def _resource(self, project: str, body: Resource) -> Resource:
        reference = body.get("jobReference") or {}
        job_id = reference.get("jobId") or f"job_{uuid.uuid4().hex}"
        location = reference.get("location") or self.catalog.location
        now = str(time.time_ns() // 10**6)
        return {
            "kind": "bigquery#job",
            "id": f"{project}:{location}.{job_id}",
            "selfLink": f"/bigquery/v2/projects/{project}/jobs/{job_id}",
            "jobReference": {"projectId": project, "jobId": job_id, "location": location},
            "configuration": body["configuration"],
            "statistics": {"creationTime": now, "startTime": now, "endTime": now},
            "status": {"state": "DONE"},
        }

    def _refuse_wrong_location(self, job: Job) -> None:
        location = job.resource["jobReference"]["location"]
        if location.upper() == self.catalog.location.upper():
            return
        query = job.resource["configuration"].get("query", {}).get("query", "")
        named = names.tables_in(self.catalog.normalize(query))
        for name in sorted(named):
            project, dataset, *_ = self.catalog.full_name(name).split(".")
            if (project, dataset) in self.catalog.datasets:
                raise not_found("Dataset", f"{project}.{dataset}", location)

    def _query(self, job: Job, config: Resource) -> None:
        query = config["query"]
        if query.get("useLegacySql"):
            raise BigQueryError("The local server speaks GoogleSQL only.", "notImplemented")
        if query.get("defaultDataset"):
            raise BigQueryError("The local server has no default dataset.", "notImplemented")
        session = self._session(query, dry=bool(config.get("dryRun")))
        if query.get("maximumBytesBilled"):
            trial = self._session(query, dry=True)
            script.run(trial, query["query"])
            billing.refuse_above(int(query["maximumBytesBilled"]), billing.billed(trial.scanned))
        outcomes = script.run(session, query["query"])
        self._statistics(job, outcomes, session)
        last = outcomes[-1] if outcomes else Outcome("SCRIPT")
        if last.result is not None:
            self._give(job, query, last.result, session.dry)
        elif last.destination and not session.dry:
            parts = last.destination.split(".")
            if len(parts) == 3:
                names = ("projectId", "datasetId", "tableId")
                query["destinationTable"] = dict(zip(names, parts, strict=True))

    def _session(self, query: Resource, *, dry: bool) -> Session:
        parameters = _parameters(query.get("queryParameters") or [])
        return Session(self.catalog, dry=dry, parameters=parameters)

    def _statistics(self, job: Job, outcomes: list[Outcome], session: Session) -> None:
        last = outcomes[-1] if outcomes else Outcome("SCRIPT")
        scanned = str(sum(session.scanned.values()))
        statistics: Resource = {
            "statementType": last.statement_type if len(outcomes) == 1 else "SCRIPT",
            "totalBytesProcessed": scanned,
            "totalBytesBilled": "0" if session.dry else str(billing.billed(session.scanned)),
            "totalSlotMs": "0",
            "cacheHit": False,
        }
        if session.dry and last.result is not None:
            statistics["schema"] = {"fields": schema.fields_of(last.result.columns)}
        if last.operation:
            statistics["ddlOperationPerformed"] = last.operation
        if last.is_dml:
            job.affected = last.inserted + last.updated + last.deleted
            statistics["numDmlAffectedRows"] = str(job.affected)
            statistics["dmlStats"] = {
                "insertedRowCount": str(last.inserted),
                "updatedRowCount": str(last.updated),
                "deletedRowCount": str(last.deleted),
            }
        job.resource["statistics"] |= {"query": statistics, "totalBytesProcessed": scanned}

    def _give(self, job: Job, query: Resource, result: Result, dry: bool) -> None:
        """Keep a query's rows, in the table that the job names or in an anonymous one."""
        job.columns, job.rows = result.columns, list(result.rows)
        destination = query.get("destinationTable")
        if dry:
            return
        if destination:
            guards.named_columns(result.columns)
            writes.write(
                self.catalog,
                destination,
                result.columns,
                result.content,
                query,
                default="WRITE_EMPTY",
            )
            return
        reference = job.resource["jobReference"]
        query["destinationTable"] = {
            "projectId": reference["projectId"],
            "datasetId": ANONYMOUS,
            "tableId": f"anon_{reference['jobId']}",
        }

    def _load(self, job: Job, config: Resource, data: bytes) -> None:
        target = config["destinationTable"]
        table_id, _ = partitions.split_decorator(target["tableId"])
        known = self.catalog.tables.get(f"{target['projectId']}.{target['datasetId']}.{table_id}")
        columns = None
        if config.get("schema", {}).get("fields"):
            columns = schema.columns_of(config["schema"]["fields"])
        elif known is not None and config.get("sourceFormat") != "PARQUET":
            columns = known.columns  # a Parquet file says its own types, and they must fit
        found, content = loads.read(data, config, columns)
        table = writes.write(self.catalog, target, found, content, config)
        described = {
            part["name"].lower(): part["description"]
            for part in config.get("schema", {}).get("fields", [])
            if part.get("description")
        }
        table.properties.setdefault("columnDescriptions", {}).update(described)
        rows = len(content.table_data.row)
        job.resource["statistics"]["load"] = {
            "inputFiles": "1",
            "inputFileBytes": str(len(data)),
            "outputRows": str(rows),
            "outputBytes": str(content.ByteSize()),
            "badRecords": "0",
        }

    def _copy(self, job: Job, config: Resource) -> None:
        sources = config.get("sourceTables") or [config["sourceTable"]]
        rows: list[Any] = []
        for source in sources:
            table_id, partition = partitions.split_decorator(source["tableId"])
            name = f"{source['projectId']}.{source['datasetId']}.{table_id}"
            table = self.catalog.tables.get(name)
            if table is None:
                raise not_found("Table", name, self.catalog.location)
            rows += [
                row.cell
                for row in table.rows.table_data.row
                if partition is None or partitions.partition_id(table, row) == partition
            ]
        layout = {key: value for key, value in table.properties.items() if key in writes.LAYOUT}
        writes.write(
            self.catalog,
            config["destinationTable"],
            table.columns,
            rows_of(rows),
            layout | config,
            default="WRITE_EMPTY",
        )
        job.resource["statistics"]["copy"] = {"copiedRows": str(len(rows))}


def _told(config: Resource) -> str:
    """A job in words, for planned faults."""
    kind = next(name for name in ("query", "load", "copy", "extract") if name in config)
    if kind == "query":
        return f"query {config['query']['query']}"
    return f"{kind} {'.'.join(config[kind].get('destinationTable', {}).values())}"


def _parameters(given: list[Resource]) -> Values:
    """Named query parameters with their types and values."""
    found: Values = {}
    for parameter in given:
        if not parameter.get("name"):
            raise BigQueryError("The local server takes named parameters only.", "notImplemented")
        type_, plain = _parameter(parameter["parameterType"], parameter.get("parameterValue") or {})
        value = ValueProto()
        write_value(value, plain, type_)
        found[parameter["name"].lower()] = (type_, value)
    return found


def _parameter(described: Resource, value: Resource) -> tuple[TypeProto, Any]:
    if described["type"] == "ARRAY":
        element, _ = _parameter(described["arrayType"], {})
        parts = [part.get("value") for part in value.get("arrayValues") or []]
        return schema.array_of(element), parts
    return TypeProto(type_kind=schema.KINDS[described["type"]]), value.get("value")
