"""Refusals in BigQuery's own words: reason, HTTP status and message."""

import re
from typing import Any

STATUS = {
    "invalid": 400,
    "invalidQuery": 400,
    "notImplemented": 501,
    "accessDenied": 403,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
    "bytesBilledLimitExceeded": 400,
    "notFound": 404,
    "duplicate": 409,
    "backendError": 503,
}


class BigQueryError(Exception):
    """What BigQuery answers instead: `reason` as in its list of error codes."""

    def __init__(self, message: str, reason: str = "invalidQuery") -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def status(self) -> int:
        return STATUS[self.reason]

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


def from_engine(message: str, location: str) -> BigQueryError:
    """The engine's refusal as BigQuery words it."""
    missing = re.search(r"Table not found: `?([\w.*$-]+)`?", message)
    if missing:
        name = missing[1]
        if name.count(".") == 2:
            return not_found("Table", name, location)
        if name.count(".") == 0:
            return BigQueryError(
                f'Table "{name}" must be qualified with a dataset (e.g. dataset.table).', "invalid"
            )
        return BigQueryError(f"Not found: Table {name}", "notFound")
    return BigQueryError(message.strip())
