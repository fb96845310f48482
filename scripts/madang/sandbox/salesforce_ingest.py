"""Ingest jobs of the local Salesforce: a file of CSV becomes records, in an order of its own.

- https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_bulk_v2/datafiles_understanding_bulk2_ingest.htm
- https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-bulkapi.html
"""

import csv
import io
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from madang.sandbox.org import EXTERNAL, Org, Record, Refused

WANTED = {
    "operation": "upsert",
    "contentType": "CSV",
    "lineEnding": "LF",
    "columnDelimiter": "COMMA",
}
MOST_BYTES = 150_000_000 * 3 // 4  # of a file, which grows by a third in base64
LONGEST_FIELD = 32_000
EMPTY = "#N/A"
LISTS = ("successfulResults", "failedResults", "unprocessedrecords")
OPEN_STATES = ("Open", "UploadComplete", "InProgress")


@dataclass
class IngestJob:
    """A job. What it did is known at once and told after `looks` more looks."""

    job_id: str
    object: str
    key: str
    looks: int
    state: str = "Open"
    content: bytes | None = None
    error: str | None = None
    lists: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)

    def told(self, version: str) -> dict[str, Any]:
        info: dict[str, Any] = {"id": self.job_id, "object": self.object, "state": self.state}
        info |= {"externalIdFieldName": self.key, **WANTED}
        if self.state == "Open":
            info["contentUrl"] = f"services/data/{version}/jobs/ingest/{self.job_id}/batches"
        if self.state not in OPEN_STATES:
            done = [len(self.lists.get(name, ())) for name in LISTS]
            info |= {"numberRecordsProcessed": done[0] + done[1], "numberRecordsFailed": done[1]}
            info["errorMessage"] = self.error
        return info


class Ingest:
    """The ingest jobs of an org. Safe for several threads."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self.jobs: dict[str, IngestJob] = {}
        self._lock = threading.Lock()

    def make(self, wanted: Any, looks: int) -> IngestJob:
        """Make a job. Raises Refused."""
        name, key = str(wanted.get("object")), str(wanted.get("externalIdFieldName"))
        if name not in self._org.fields:
            raise Refused(400, "INVALIDENTITY", f"Unknown object {name}")
        if self._org.fields[name].get(key) != EXTERNAL:
            raise Refused(400, "INVALIDJOB", f"{key} is no external id of {name}")
        wrong = [one for one, value in WANTED.items() if wanted.get(one) != value]
        if wrong or set(wanted) != {*WANTED, "object", "externalIdFieldName"}:
            raise Refused(400, "INVALIDJOB", f"not taken: {', '.join(wrong) or 'other keys'}")
        job = IngestJob(f"750{secrets.token_hex(7)}I", name, key, looks)
        self.jobs[job.job_id] = job
        return job

    def known(self, job_id: str) -> IngestJob:
        if job_id not in self.jobs:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        return self.jobs[job_id]

    def upload(self, job: IngestJob, content: bytes, kind: str) -> None:
        """Take the file of a job, once."""
        if job.state != "Open":
            raise Refused(400, "INVALIDJOBSTATE", f"The job is {job.state}.")
        if job.content is not None:
            raise Refused(400, "INVALIDJOB", f"Found multiple contents for job: <{job.job_id}>")
        if not kind.startswith("text/csv"):
            raise Refused(400, "INVALIDCONTENTTYPE", f"not text/csv: {kind}")
        if len(content) > MOST_BYTES:
            raise Refused(413, "EXCEEDEDLIMIT", "a file has at most 150 MB after base64")
        job.content = content

    def change(self, job: IngestJob, wanted: str, half: bool, locked: set[str]) -> None:
        """Close a job, or end it. `half`: it fails on the way."""
        if wanted == "Aborted" and job.state in OPEN_STATES:
            job.state = "Aborted"
            return
        if wanted != "UploadComplete" or job.state != "Open" or job.content is None:
            raise Refused(400, "INVALIDJOBSTATE", f"{job.state} to {wanted}")
        job.state = "UploadComplete"
        with self._lock:
            self._run(job, half, locked)

    def look(self, job: IngestJob) -> IngestJob:
        """Look at a job, which is so much further."""
        if job.state in ("UploadComplete", "InProgress"):
            job.state = "InProgress" if job.looks > 0 else "Failed" if job.error else "JobComplete"
            job.looks -= 1
        return job

    def results(self, job: IngestJob, what: str) -> str:
        """Return one of the lists of a job as CSV, in no order of the file's."""
        if job.state in OPEN_STATES:
            raise Refused(400, "INVALIDJOBSTATE", f"The job is {job.state}.")
        more = {"successfulResults": ["sf__Id", "sf__Created"], "failedResults": ["sf__Id"]}
        names = [*more.get(what, ()), *(["sf__Error"] if what == "failedResults" else [])]
        text = io.StringIO()
        write = csv.DictWriter(text, [*names, *job.columns], lineterminator="\n")
        write.writeheader()
        write.writerows(reversed(job.lists.get(what, [])))
        return text.getvalue()

    def _run(self, job: IngestJob, half: bool, locked: set[str]) -> None:
        read = csv.DictReader(io.StringIO((job.content or b"").decode()), strict=True)
        job.columns = list(read.fieldnames or ())
        rows = list(read)
        job.lists = {name: [] for name in LISTS}
        unknown = [name for name in job.columns if name not in self._org.fields[job.object]]
        if unknown or job.key not in job.columns:
            job.error = f"InvalidBatch : Field name not found : {', '.join(unknown)}"
            job.lists["unprocessedrecords"] = rows
            return
        cut = len(rows) // 2 if half else len(rows)
        if half:
            job.error = "InternalServerError : the batch was tried 20 times"
        there, seen = self._org.by_key(job.object, job.key), set[str]()
        for row in rows[:cut]:
            told = self._org.upserted(
                job.object, job.key, self._record(job, row), seen, locked, there
            )
            if told["success"]:
                made = {"sf__Id": told["id"], "sf__Created": str(told["created"]).lower()}
                job.lists["successfulResults"].append({**row, **made})
            else:
                (error,) = told["errors"]
                words = f"{error['statusCode']}:{error['message']}:--"
                job.lists["failedResults"].append({**row, "sf__Id": "", "sf__Error": words})
        job.lists["unprocessedrecords"] = rows[cut:]

    def _record(self, job: IngestJob, row: dict[str, str]) -> Record:
        """Return what a line says: nothing of an empty field, null of #N/A."""
        record: Record = {"attributes": {"type": job.object}}
        for name, text in row.items():
            if text == "":
                continue
            kind = self._org.fields[job.object][name]
            if text == EMPTY:
                record[name] = None
            elif len(text) > LONGEST_FIELD:
                record[name] = text[:LONGEST_FIELD]
            elif kind == "boolean":
                record[name] = {"true": True, "false": False}.get(text, text)
            else:
                record[name] = text
        return record
