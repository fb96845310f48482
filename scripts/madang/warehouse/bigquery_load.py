"""A Parquet file into BigQuery by one load job, once, however often it must be asked for."""

import hashlib
import random
import re
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from google.api_core import exceptions
from google.auth.exceptions import TransportError
from google.cloud import bigquery
from google.cloud.bigquery import SchemaField
from requests.exceptions import ConnectionError as Disconnected
from requests.exceptions import Timeout

from madang import scratch
from madang.warehouse import WarehouseError
from madang.warehouse.dialects import DUCKDB

# DuckDB's type, BigQuery's, and the type to write where they are not the same thing.
TYPES = (
    (r"VARCHAR", "STRING", None),
    (r"BIGINT", "INTEGER", None),
    (r"U?(TINYINT|SMALLINT|INTEGER)|UBIGINT|U?HUGEINT", "INTEGER", "bigint"),
    (r"DOUBLE", "FLOAT", None),
    (r"FLOAT", "FLOAT", "double"),
    (r"BOOLEAN", "BOOLEAN", None),
    (r"DATE", "DATE", None),
    (r"TIMESTAMP WITH TIME ZONE", "TIMESTAMP", None),
    (r"TIMESTAMP(_[A-Z]+)?", "TIMESTAMP", "utc"),
    (r"DECIMAL\(.*", "NUMERIC", "decimal(38, 9)"),
    (r"BLOB", "BYTES", None),
)
CASTS = {
    "STRING": "varchar",
    "INTEGER": "bigint",
    "INT64": "bigint",
    "FLOAT": "double",
    "FLOAT64": "double",
    "BOOLEAN": "boolean",
    "BOOL": "boolean",
    "DATE": "date",
    "NUMERIC": "decimal(38, 9)",
}
LOST = (exceptions.ServerError, exceptions.TooManyRequests, Disconnected, Timeout, TransportError)
AGAIN = {"backendError", "internalError", "rateLimitExceeded", "jobBackendError"}
FAILURES = (exceptions.GoogleAPICallError, Disconnected, Timeout, TransportError)
NUMBERS = 5  # job ids tried for one load: an id whose job failed cannot be used again


def upload_form(
    source: Path, known: Sequence[SchemaField], folder: Path
) -> tuple[Path, list[SchemaField], int]:
    """Rewrite a Parquet file as BigQuery loads it; return it with its schema and number of rows.

    Timestamps get their mark of UTC (without it they would be loaded as DATETIME), narrow and huge
    integers become INT64, and columns that the table has take its types. Raises WarehouseError for
    a type that BigQuery lacks or a value that is not of the table's type.
    """
    types = {field.name.lower(): field for field in known}
    target = folder / "upload.parquet"
    with scratch.database(folder, threads=1) as connection:
        connection.execute("set TimeZone = 'UTC'")
        read = f"read_parquet({DUCKDB.literal(str(source))})"
        columns = connection.execute(f"describe from {read}").fetchall()
        parts, schema = [], []
        for name, kind, *_ in columns:
            there = types.get(name.lower())
            form, sql = _column(name, kind, there)
            parts.append(f"{sql} as {DUCKDB.quoted(form.name)}")
            schema.append(form)
        try:
            copied = connection.execute(
                f"copy (select {', '.join(parts)} from {read}) to "
                f"{DUCKDB.literal(str(target))} (format parquet, compression zstd)"
            )
            rows = int(copied.fetchall()[0][0])
        except duckdb.ConversionException:  # its message would quote the value
            raise WarehouseError(
                "A value of the file is not of the type that the table's column has.",
                where=source.name,
                fix="Nothing was written. Compare the table's column types with the file's.",
            ) from None
    return target, schema, rows


def _column(name: str, kind: str, there: SchemaField | None) -> tuple[SchemaField, str]:
    quoted = DUCKDB.quoted(name)
    found = next((row for row in TYPES if re.fullmatch(row[0], kind)), None)
    if found is None:
        raise WarehouseError(
            f"The column {name} has the type {kind}, which is not loaded into BigQuery."
        )
    _, ours, cast = found
    if there is not None and _same(there.field_type) != _same(ours):
        if _same(there.field_type) == "TIMESTAMP":
            sql = f"cast({quoted} as timestamp) at time zone 'UTC'"
        else:
            sql = f"cast({quoted} as {CASTS[_same(there.field_type)]})"
        return SchemaField(there.name, there.field_type), sql
    if cast == "utc":
        sql = f"cast({quoted} as timestamp) at time zone 'UTC'"
    else:
        sql = f"cast({quoted} as {cast})" if cast else quoted
    return SchemaField(there.name if there else name, ours), sql


def _same(kind: str) -> str:
    """One name for a type: the API answers with the legacy ones."""
    return {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}.get(kind, kind)


def load_once(
    client: bigquery.Client,
    reference: str,
    file: Path,
    config: bigquery.LoadJobConfig,
    *,
    once: tuple[str, str] | None,
    landed: Callable[[], int],
    timeout: float,
    retry_seconds: float,
) -> int:
    """Load a file by one job and return the rows that it added.

    The job's id comes from the table and `once` (a column and the value that its rows have there),
    so that a process which was killed while its job ran is followed by one that finds that job. A
    finished job of that id counts only while `landed` still finds its rows in the table: they may
    have been deleted to load them again. Without `once` the id belongs to this call alone.
    """
    told = "\0".join((reference, *once)) if once else uuid.uuid4().hex
    base = f"madang_load_{hashlib.sha256(told.encode()).hexdigest()[:32]}"
    failure: exceptions.GoogleAPICallError | None = None
    for number in range(1, NUMBERS + 1):
        job, is_found = _submitted(
            client, reference, file, config, f"{base}_{number}", timeout, retry_seconds
        )
        try:
            job.result(timeout=timeout)
        except exceptions.GoogleAPICallError as error:
            if not is_found and _reason(error) not in AGAIN:
                raise
            failure = error
            continue
        if is_found and once:
            if rows := landed():
                return rows
            continue
        return int(job.output_rows or 0)
    if failure is not None:
        raise failure
    raise WarehouseError(
        "This file was loaded and deleted again too often for BigQuery's memory of jobs.",
        where=reference,
        fix="Load it under a changed name and content, or wait: jobs are forgotten.",
    )


def _submitted(
    client: bigquery.Client,
    reference: str,
    file: Path,
    config: bigquery.LoadJobConfig,
    job_id: str,
    timeout: float,
    retry_seconds: float,
) -> tuple[bigquery.LoadJob, bool]:
    """Send a load job, again after a cut; return it and whether an earlier process had sent it."""
    deadline = time.monotonic() + retry_seconds
    pause, is_repeated = 1.0, False
    while True:
        try:
            with file.open("rb") as content:
                job = client.load_table_from_file(
                    content,
                    reference,
                    job_id=job_id,
                    job_config=config,
                    num_retries=0,
                    timeout=min(timeout, 300),
                )
            return job, False
        except exceptions.Conflict:
            found = client.get_job(job_id, location=client.location)
            return found, not is_repeated
        except FAILURES as error:
            is_passing = isinstance(error, LOST) or _reason(error) in AGAIN
            if not is_passing or time.monotonic() + pause > deadline:
                raise
            is_repeated = True
            time.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, 32)


def _reason(error: Exception) -> str:
    listed = getattr(error, "errors", None)
    first = listed[0] if listed else {}
    return str(first.get("reason", "")) if isinstance(first, dict) else ""
