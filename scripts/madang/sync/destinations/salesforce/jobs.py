"""Jobs of Bulk API 2.0: many records of one object, upserted by a file of CSV.

- https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_bulk_v2/datafiles_understanding_bulk2_ingest.htm
  (one file a job, at most 150 MB after base64; empty leaves a field alone, #N/A empties it; the
  results are not in the order of the file)
- https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-bulkapi.html

A job is open until it is closed, and nothing of an open one is written. So whoever finds one that
a killed run left open ends it; one that was closed is waited for.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from madang.http.client import AGAIN
from madang.sync import DestinationDown, DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import Later, Outcome, SyncObject
from madang.sync.destinations.salesforce.answers import refused
from madang.sync.destinations.salesforce.org import OrgConnection
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

JOB_BYTES = 95_000_000  # of a file; base64 makes 127 MB of it
LONGEST_RESULT = 512 << 20  # bytes of a list of results
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 20.0  # seconds between two looks at a job
ENDED = ("JobComplete", "Failed", "Aborted")
EMPTY = "#N/A"  # what empties a field
QUERY_PAGE = 250_000  # rows


@dataclass(frozen=True)
class Results:
    """What became of the records of a job, by external id. `succeeded`: None where it is all the
    others.
    """

    state: str
    error: str
    failed: dict[str, str]
    unprocessed: set[str]
    succeeded: set[str] | None


class Jobs:
    """Ingest jobs of one org."""

    def __init__(self, org: OrgConnection) -> None:
        self._org = org

    def open(self, name: str, field: str) -> str:
        """Make a job; nothing is written before it is closed. Return its id."""
        wanted = {
            "object": name,
            "operation": "upsert",
            "externalIdFieldName": field,
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        reply = self._org.ask("POST", "/jobs/ingest", json=wanted)
        return str(_told(reply, "id"))

    def upload(self, job: str, content: bytes) -> "Reply":
        """Give a job its file and close it. Each may be repeated after a lost answer."""
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        try:
            self._org.ask("PUT", f"/jobs/ingest/{job}/batches", data=content, headers=headers)
        except DestinationRefused as error:
            if "multiple contents" not in error.message:  # the first one arrived
                raise
        try:
            return self._org.ask("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
        except DestinationRefused:
            reply = self._org.ask("GET", f"/jobs/ingest/{job}")
            if _told(reply, "state") == "Open":
                raise
            return reply

    def wait(self, job: str, most_seconds: float) -> Results | None:
        """Return what became of a job; None where it is at work for longer."""
        clock = self._org.client.clock
        began = clock()
        while (found := self.results(job)) is None and clock() < began + most_seconds:
            # a tenth of the time so far, so that little is waited for nothing
            pause = max(FIRST_PAUSE, (clock() - began) / 10)
            self._org.client.sleep(min(LONGEST_PAUSE, pause))
        return found

    def results(self, job: str) -> Results | None:
        """Return what became of a job; None while it is at work. One that is open is ended."""
        info = self._org.ask("GET", f"/jobs/ingest/{job}").body or {}
        state = info.get("state")
        if state == "Open":
            self._org.ask("PATCH", f"/jobs/ingest/{job}", json={"state": "Aborted"})
            return Results("Aborted", "the run ended before its file was sent", {}, set(), set())
        if state not in ENDED:
            return None
        key = str(info.get("externalIdFieldName"))
        failed = {row[key]: row["sf__Error"] for row in self._listed(job, "failedResults", key)}
        left = {row[key] for row in self._listed(job, "unprocessedrecords", key)}
        succeeded = None
        processed, wrong = info.get("numberRecordsProcessed"), info.get("numberRecordsFailed")
        if state != "JobComplete" or left or wrong != len(failed) or processed is None:
            succeeded = {row[key] for row in self._listed(job, "successfulResults", key)}
        error = harmless(self._org.redact(str(info.get("errorMessage") or "")))
        return Results(str(state), error, failed, left, succeeded)

    def later(self, found: Results) -> Later:
        """Return what became of a job, by key, as the ledger keeps it."""
        keys = {key: ("rejected", code_of(error)) for key, error in found.failed.items()}
        keys |= dict.fromkeys(found.unprocessed, ("unknown", "NOT_PROCESSED"))
        told = f"{len(found.failed)} records failed" if found.failed else None
        if found.succeeded is None:
            return Later("partial" if keys else "applied", told, keys=keys, others="accepted")
        keys |= dict.fromkeys(found.succeeded, ("accepted", ""))
        told = f"the job {found.state}: {found.error or told or 'no reason given'}"
        return Later("partial" if found.succeeded else "failed", told, keys=keys, others="unknown")

    def keys(self, name: str, field: str) -> set[str]:
        """Return every external id that the org has, in lower case, by one query job."""
        query = f"SELECT {field} FROM {name} WHERE {field} != null"
        reply = self._org.ask("POST", "/jobs/query", json={"operation": "query", "query": query})
        job, pause = _told(reply, "id"), FIRST_PAUSE
        until = self._org.client.clock() + 60 * self._org.org.job_timeout_minutes
        while (state := _told(self._org.ask("GET", f"/jobs/query/{job}"), "state")) not in ENDED:
            if self._org.client.clock() > until:
                raise DestinationDown("Salesforce is still at work on a query.", fix=AGAIN)
            self._org.client.sleep(pause)
            pause = min(LONGEST_PAUSE, 1.6 * pause)
        if state != "JobComplete":
            raise DestinationDown(f"A query job of Salesforce's ended as {state}.", fix=AGAIN)
        found: set[str] = set()
        locator = None
        while locator != "null":
            params = {"maxRecords": QUERY_PAGE, **({"locator": locator} if locator else {})}
            page = self._org.ask(
                "GET",
                f"/jobs/query/{job}/results",
                params=params,
                headers={"Accept": "text/csv"},
                most_bytes=LONGEST_RESULT,
            )
            found.update(_keys(page, field))
            locator = page.headers.get("Sforce-Locator") or "null"
        return found

    def _listed(self, job: str, what: str, key: str) -> Iterator[dict[str, str]]:
        reply = self._org.ask(
            "GET",
            f"/jobs/ingest/{job}/{what}",
            headers={"Accept": "text/csv"},
            most_bytes=LONGEST_RESULT,
        )
        yield from _rows(reply, key)


def pieces(objects: Iterable[SyncObject], most: int) -> Iterator[tuple[SyncObject, ...]]:
    """Group objects, in order, so that the file of each group has room in a job.

    A value takes no more room in CSV than as JSON.
    """
    taken: list[SyncObject] = []
    columns: set[str] = set()
    size = 0
    for one in objects:
        taken.append(one)
        size += len(one.key.encode()) + 3
        for change in one.changes:
            columns.add(change.field)
            size += len(change.value.encode()) if change.value else len(EMPTY)
        if len(taken) == most or size + len(taken) * len(columns) > JOB_BYTES:
            yield tuple(taken)
            taken, columns, size = [], set(), 0
    if taken:
        yield tuple(taken)


def as_csv(objects: Sequence[SyncObject], key: str, leaving: Any) -> bytes:
    """Return the file of a job: a column for the key and each field that any object changes."""
    fields = list(dict.fromkeys(change.field for one in objects for change in one.changes))
    places = {field: place for place, field in enumerate(fields, start=1)}
    gone = cell(json.dumps(leaving))
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write([key, *fields])
    blank = [""] * (len(fields) + 1)
    for one in objects:
        row = blank.copy()
        row[0] = one.key
        for change in one.changes:
            row[places[change.field]] = gone if change.value is None else cell(change.value)
        write(row)
    return text.getvalue().encode()


@lru_cache(maxsize=10_000)
def cell(value: str) -> str:
    """Return a value, JSON text, as it stands in a job's file."""
    told = json.loads(value)
    if told is None or told == "":
        return EMPTY
    if isinstance(told, str):
        return told
    return value if not isinstance(told, float) else repr(told)


def means_empty(one: SyncObject) -> bool:
    """Say whether a text of an object would be read as the sign that empties a field."""
    return any(change.value == '"#N/A"' for change in one.changes)


def code_of(error: str) -> str:
    """Return the code of a record's error: REQUIRED_FIELD_MISSING:Required fields …"""
    code = error.partition(":")[0]
    return code if code.replace("_", "").isalpha() and code.isupper() else "REFUSED"


def refusal(error: str, redact: Callable[[str], str]) -> Outcome:
    """Return the outcome of a record that failed in a job."""
    return refused(code_of(error), harmless(redact(error)))


def _keys(reply: "Reply", key: str) -> Iterator[str]:
    """Return the keys of a list, in lower case. There may be millions."""
    rows = csv.reader(_lines(reply))
    names = next(rows, [])
    _refuse_without(key, names)
    if names:
        place = names.index(key)
        yield from (row[place].lower() for row in rows if row)


def _rows(reply: "Reply", key: str) -> Iterator[dict[str, str]]:
    rows = csv.DictReader(_lines(reply))
    _refuse_without(key, rows.fieldnames or ())
    yield from rows


def _lines(reply: "Reply") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(reply.content), "utf-8-sig", newline="")


def _refuse_without(key: str, names: Sequence[str]) -> None:
    if names and key not in names:
        raise DestinationUnclear(
            f"A list of results of Salesforce's has no column {key}.",
            fix="Check salesforce.url: it may be a proxy's. Then run the command again.",
        )


def _told(reply: "Reply", name: str) -> Any:
    told = (reply.body or {}).get(name)
    if not isinstance(told, str):
        raise DestinationUnclear(
            f"Salesforce did not say the {name} of a job.",
            fix="Check salesforce.url: it may be a proxy's. Then run the command again.",
        )
    return told
