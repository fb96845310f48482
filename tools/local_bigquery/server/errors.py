"""Refusals in BigQuery's own words: reason, HTTP status and message."""

import re
from typing import Any

from local_bigquery.catalog import Catalog

# Source: cloud.google.com/bigquery/docs/error-messages. A reason that is not here answers with 400.
STATUS = {
    "accessDenied": 403,
    "accessNotConfigured": 403,
    "badGateway": 502,
    "backendError": 503,
    "billingNotEnabled": 403,
    "blocked": 403,
    "duplicate": 409,
    "internalError": 500,
    "notFound": 404,
    "notImplemented": 501,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
    "responseTooLarge": 403,
}


class BigQueryError(Exception):
    """What BigQuery answers instead: `reason` as in its list of error codes."""

    def __init__(self, message: str, reason: str = "invalidQuery") -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def status(self) -> int:
        return STATUS.get(self.reason, 400)

    def again(self) -> "BigQueryError":
        """The same refusal once more: an exception that is raised twice drags its first trace."""
        return BigQueryError(str(self), self.reason)

    def proto(self) -> dict[str, str]:
        """The error as a job carries it."""
        return {"reason": self.reason, "message": str(self)}

    def body(self) -> dict[str, Any]:
        """The error as an HTTP answer carries it."""
        detail = {"message": str(self), "domain": "global", "reason": self.reason}
        return {"error": {"code": self.status, "message": str(self), "errors": [detail]}}


def not_found(kind: str, name: str, location: str) -> BigQueryError:
    """A dataset or table that is not there; `name` is dotted."""
    project, _, rest = name.partition(".")
    return BigQueryError(
        f"Not found: {kind} {project}:{rest} was not found in location {location}", "notFound"
    )


def already_exists(kind: str, name: str) -> BigQueryError:
    project, _, rest = name.partition(".")
    return BigQueryError(f"Already Exists: {kind} {project}:{rest}", "duplicate")


def from_engine(message: str, catalog: Catalog) -> BigQueryError:
    """The engine's refusal as BigQuery words it."""
    missing = re.search(r"Table not found: `?([\w.*$-]+)`?", message)
    if not missing:
        return BigQueryError(message.strip())
    name = catalog.full_name(missing[1])
    if name.count(".") == 0:
        return BigQueryError(
            f'Table "{name}" must be qualified with a dataset (e.g. dataset.table).', "invalid"
        )
    project, dataset, *_ = name.split(".")
    if (project, dataset) not in catalog.datasets:
        return not_found("Dataset", f"{project}.{dataset}", catalog.location)
    return not_found("Table", name, catalog.location)
