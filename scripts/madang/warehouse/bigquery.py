"""Google BigQuery behind the same door as DuckDB: a dataset a layer, one location, labelled jobs.

A load is one load job: it adds all of a file's rows or none. A job has its id before it is sent,
so that asking again after a lost answer finds the job instead of starting a second one, as Google
advises (cloud.google.com/bigquery/docs/running-jobs#generate-jobid). Requests that Google asks to
repeat are repeated with growing pauses, for `retry_seconds`.
"""

import concurrent.futures
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY
from requests.exceptions import RequestException

from madang import scratch
from madang.settings.ga4 import Ga4Property
from madang.settings.workspace import LAYERS, Settings
from madang.warehouse import Row, WarehouseError, labels
from madang.warehouse.bigquery_credentials import credentials
from madang.warehouse.bigquery_errors import plain
from madang.warehouse.bigquery_load import load_once, upload_form
from madang.warehouse.bigquery_parameters import parameter, with_names
from madang.warehouse.bigquery_read import naive, write_parquet
from madang.warehouse.dialects import BIGQUERY

PAGE_ROWS = 50_000
FAILURES = (
    exceptions.GoogleAPIError,
    GoogleAuthError,
    RequestException,
    ConnectionError,
    concurrent.futures.TimeoutError,
)


class BigQueryWarehouse:
    """A client for one project and location; see the Protocol `Warehouse`."""

    dialect = BIGQUERY

    def __init__(self, client: bigquery.Client, settings: Settings) -> None:
        self.client = client
        self._settings = settings
        self.scratch = settings.paths.scratch
        self._reach = settings.bigquery
        self._ensured: set[str] = set()
        self._retry = DEFAULT_RETRY.with_timeout(self._reach.retry_seconds)
        self._job_retry = DEFAULT_JOB_RETRY.with_timeout(4 * self._reach.retry_seconds)

    @classmethod
    def open(cls, settings: Settings, *, read_only: bool = False) -> Self:
        """Make a client with the settings' credentials. Raises WarehouseError without any.

        Google is not asked anything yet. `read_only` means nothing here: roles decide.
        """
        reach = settings.bigquery
        with _in_plain_words(_place(settings), reach.project):
            client = bigquery.Client(
                project=reach.project,
                credentials=credentials(settings),
                location=reach.location,
                client_options={"api_endpoint": reach.api_endpoint} if reach.api_endpoint else None,
            )
        return cls(client, settings)

    def close(self) -> None:
        self.client.close()

    def check(self) -> None:
        self.require_exports()
        for layer in LAYERS:
            if layer not in self._ensured and (there := self._there(layer)):
                self._require_location(there)

    def execute(self, sql: str, params: Sequence[Any] = ()) -> None:
        with self._plainly():
            self._finished(self._query(sql, params))

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        with self._plainly():
            found = self._finished(self._query(sql, params))
            return [{name: naive(value) for name, value in row.items()} for row in found]

    def export(self, sql: str, path: Path) -> int:
        with self._plainly():
            return write_parquet(self._finished(self._query(sql)), path)

    def sparing(self, memory: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def append(
        self, layer: str, table: str, parquet: Path, once: tuple[str, str] | None = None
    ) -> int:
        self.ensure_layer(layer)
        reference = f"{self._dataset(layer)}.{table}"
        relation = self.relation(layer, table)

        def landed() -> int:
            column, value = once or ("", "")
            name = BIGQUERY.quoted(column)
            found = self.fetch(f"select count(*) as n from {relation} where {name} = ?", [value])
            return int(found[0]["n"])

        with self._plainly(), scratch.folder(self.scratch) as folder:
            known = self._table(reference)
            file, schema, rows = upload_form(parquet, known.schema if known else (), folder)
            if not rows:
                if known is None:
                    self.client.create_table(
                        bigquery.Table(reference, schema=schema), exists_ok=True, retry=self._retry
                    )
                return 0
            config = bigquery.LoadJobConfig(
                source_format=bigquery.SourceFormat.PARQUET,
                schema=schema,
                write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
                create_disposition=bigquery.CreateDisposition.CREATE_IF_NEEDED,
                schema_update_options=[bigquery.SchemaUpdateOption.ALLOW_FIELD_ADDITION],
                labels=labels.current(self._reach.labels),
            )
            return load_once(
                self.client,
                reference,
                file,
                config,
                once=once,
                landed=landed,
                timeout=self._reach.timeout_seconds,
                retry_seconds=self._reach.retry_seconds,
            )

    def exists(self, layer: str, table: str) -> bool:
        with self._plainly():
            return self._table(f"{self._dataset(layer)}.{table}") is not None

    def columns(self, layer: str) -> dict[str, list[str]]:
        with self._plainly():
            try:
                tables = [
                    self.client.get_table(item.reference, retry=self._retry)
                    for item in self.client.list_tables(self._dataset(layer), retry=self._retry)
                ]
            except exceptions.NotFound:
                return {}
        return {
            table.table_id: [field.name for field in table.schema]
            for table in sorted(tables, key=lambda table: table.table_id)
        }

    def relation(self, layer: str, table: str) -> str:
        parts = (self._reach.project, self._settings.schema_of(layer), table)
        return ".".join(BIGQUERY.quoted(part) for part in parts)

    def ensure_layer(self, layer: str) -> None:
        if layer in self._ensured:
            return
        dataset = self._there(layer)
        if dataset is None:
            with self._plainly():
                wanted = bigquery.Dataset(self._dataset(layer))
                wanted.location = self._reach.location
                wanted.labels = labels.current(self._reach.labels)
                dataset = self.client.create_dataset(wanted, exists_ok=True, retry=self._retry)
        self._require_location(dataset)
        self._ensured.add(layer)

    def drop_layer(self, layer: str) -> None:
        """Remove the dataset of a layer with all that is in it."""
        self._ensured.discard(layer)
        with self._plainly():
            self.client.delete_dataset(
                self._dataset(layer), delete_contents=True, not_found_ok=True, retry=self._retry
            )

    def dry_run(self, sql: str) -> tuple[int, int]:
        """Return how many bytes a query would read, and of how many tables.

        Raises WarehouseError as a run would. Costs nothing.
        """
        # Without the limit of bytes: to know how many, also where it is too many.
        config = bigquery.QueryJobConfig(
            dry_run=True,
            use_query_cache=False,
            use_legacy_sql=False,
            labels=labels.current(self._reach.labels),
        )
        with self._plainly():
            job = self.client.query(sql, job_config=config, retry=self._retry, job_retry=None)
        return int(job.total_bytes_processed or 0), max(1, len(job.referenced_tables or ()))

    def tables(self, datasets: set[str], *, project: str | None = None) -> set[tuple[str, str]]:
        """Return (dataset, table) of every table and view that is in the datasets."""
        found = set()
        for dataset in sorted(datasets):
            with self._plainly(), contextlib.suppress(exceptions.NotFound):
                name = f"{project or self._reach.project}.{dataset}"
                listed = self.client.list_tables(name, retry=self._retry)
                found |= {(dataset, table.table_id) for table in listed}
        return found

    def size_of(self, dataset: str, table: str) -> tuple[int, int] | None:
        """Return a table's bytes and rows; None where it is not there."""
        with self._plainly():
            found = self._table(f"{self._reach.project}.{dataset}.{table}")
        return (int(found.num_bytes or 0), int(found.num_rows or 0)) if found else None

    def require_exports(self) -> list[tuple[Ga4Property, bigquery.Dataset]]:
        """Return each GA4 property with its dataset. Raises WarehouseError where one is missing.

        Without a named dataset there is no GA4 export, and the list is empty.
        Asked before dbt starts, because dbt would say the same in its own words, model by model.
        """
        found = []
        for one in self._settings.ga4_properties():
            if one.dataset is None:
                continue
            with self._plainly():
                name = f"{one.project}.{one.dataset}"
                dataset = self.client.get_dataset(name, retry=self._retry)
            self._require_location(dataset)
            found.append((one, dataset))
        return found

    def _dataset(self, layer: str) -> str:
        return f"{self._reach.project}.{self._settings.schema_of(layer)}"

    def _there(self, layer: str) -> bigquery.Dataset | None:
        with self._plainly():
            try:
                return self.client.get_dataset(self._dataset(layer), retry=self._retry)
            except exceptions.NotFound:
                return None

    def _table(self, reference: str) -> bigquery.Table | None:
        try:
            return self.client.get_table(reference, retry=self._retry)
        except exceptions.NotFound:
            return None

    def _require_location(self, dataset: bigquery.Dataset) -> None:
        there, here = (dataset.location or ""), self._reach.location
        if there and there.lower() != here.lower():
            raise WarehouseError(
                f"The dataset {dataset.dataset_id} is in {there}, and madang.yml says {here}.",
                where=f"{self._settings.config_path}, warehouse.bigquery.location",
                fix=f"Set 'location: {there}'. A dataset cannot be moved; all that belong together "
                "must be in one location, the GA4 export's.",
            )

    def _config(self, params: Sequence[Any] = ()) -> bigquery.QueryJobConfig:
        config = bigquery.QueryJobConfig(
            use_legacy_sql=False, labels=labels.current(self._reach.labels)
        )
        if params:
            config.query_parameters = [
                parameter(f"p{number}", value) for number, value in enumerate(params, start=1)
            ]
        if self._reach.maximum_bytes_billed is not None:  # None would be sent as the text "None"
            config.maximum_bytes_billed = self._reach.maximum_bytes_billed
        config.job_timeout_ms = int(self._reach.timeout_seconds * 1000)
        return config

    def _query(self, sql: str, params: Sequence[Any] = ()) -> bigquery.QueryJob:
        return self.client.query(
            with_names(sql) if params else sql,
            job_config=self._config(params),
            job_id_prefix="madang_",
            retry=self._retry,
            job_retry=self._job_retry,
        )

    def _finished(self, job: bigquery.QueryJob) -> Any:
        """Wait for a query's rows; a job that nobody waits for any more is cancelled."""
        try:
            return job.result(
                page_size=PAGE_ROWS,
                retry=self._retry,
                job_retry=self._job_retry,
                timeout=self._reach.timeout_seconds,
            )
        except (concurrent.futures.TimeoutError, KeyboardInterrupt):
            job.cancel(retry=None, timeout=10)
            raise

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        with _in_plain_words(_place(self._settings), self._reach.project):
            yield


@contextlib.contextmanager
def _in_plain_words(where: str, project: str) -> Iterator[None]:
    try:
        yield
    except concurrent.futures.TimeoutError as error:
        raise plain(TimeoutError("Job timed out"), where, project) from error
    except FAILURES as error:
        raise plain(error, where, project) from error


def _place(settings: Settings) -> str:
    reach = settings.bigquery
    return f"BigQuery project {reach.project}, location {reach.location}"
