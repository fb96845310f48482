"""Queries of the local Salesforce: over REST in pages, and query jobs of Bulk API 2.0."""

import secrets
from dataclasses import dataclass
from typing import Any

from madang.sandbox.org import Org, Record, Refused, as_csv, as_json


@dataclass
class QueryJob:
    """A query job: its rows are those of the moment when it was made."""

    job_id: str
    object: str
    names: list[str]
    rows: list[Record]
    looks: int
    state: str = "UploadComplete"
    error: str | None = None

    def told(self) -> dict[str, Any]:
        info = {"id": self.job_id, "operation": "queryAll", "object": self.object}
        return info | {"state": self.state, "errorMessage": self.error}


class Queries:
    """The open queries and query jobs of an org. `is_short`: tell a row more than there is."""

    def __init__(self, org: Org, page_rows: int) -> None:
        self._org = org
        self._page_rows = page_rows
        self._cursors: dict[str, tuple[str, list[Record]]] = {}
        self.jobs: dict[str, QueryJob] = {}

    def first_page(
        self, text: str, version: str, *, deleted: bool, is_short: bool
    ) -> dict[str, Any]:
        """Ask, and return the first page."""
        _, rows = self._org.query(text, deleted=deleted)
        cursor = f"0r8{secrets.token_hex(8)}"
        self._cursors[cursor] = (_object_of(text), rows)
        page = self.page(f"{cursor}-0", version)
        page["totalSize"] += is_short
        return page

    def page(self, cursor: str, version: str) -> dict[str, Any]:
        """Return the page of a cursor. Raises Refused."""
        known, _, first = cursor.rpartition("-")
        if known not in self._cursors:
            raise Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        name, rows = self._cursors[known]
        until = int(first) + self._page_rows
        page = {"totalSize": len(rows), "done": until >= len(rows)}
        if not page["done"]:
            page["nextRecordsUrl"] = f"/services/data/{version}/query/{known}-{until}"
        return page | {"records": as_json(rows[int(first) : until], name)}

    def make(self, wanted: dict[str, Any], looks: int, *, is_failing: bool) -> QueryJob:
        """Make a job, which is ready after so many looks."""
        text = wanted["query"]
        names, rows = self._org.query(text, deleted=wanted["operation"] == "queryAll")
        job = QueryJob(f"750{secrets.token_hex(7)}Q", _object_of(text), names, rows, looks)
        if is_failing:
            job.looks, job.error = -1, "InternalServerError: the query was stopped"
        self.jobs[job.job_id] = job
        return job

    def known(self, job_id: str) -> QueryJob:
        if job_id not in self.jobs:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        return self.jobs[job_id]

    def look(self, job: QueryJob) -> QueryJob:
        """Count a look at a job, and return it as it is then."""
        if job.error:
            job.state = "Failed"
        elif job.looks > 0:
            job.looks, job.state = job.looks - 1, "InProgress"
        else:
            job.state = "JobComplete"
        return job

    def results(
        self, job: QueryJob, params: dict[str, str], *, is_short: bool
    ) -> tuple[str, dict[str, str]]:
        """Return rows of a job as CSV, and the headers of the answer. Raises Refused."""
        if job.state != "JobComplete":
            raise Refused(409, "INVALIDJOBSTATE", f"The job is {job.state}.")
        first = int(params.get("locator", "0"), 36)
        until = first + int(params.get("maxRecords", "50000"))
        rows = job.rows[first:until]
        following = _locator(until) if until < len(job.rows) else "null"
        headers = {
            "Sforce-Locator": following,
            "Sforce-NumberOfRecords": str(len(rows) + is_short),
        }
        return as_csv(job.names, rows), headers


def _object_of(text: str) -> str:
    return text.split(" FROM ")[1].split()[0]


def _locator(row: int) -> str:
    """A row's number to the base of 36: a locator is a text that says nothing."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while row:
        row, digit = divmod(row, 36)
        text = digits[digit] + text
    return text or "0"
