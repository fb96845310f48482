"""What is asked: an object's fields, a query over REST, a query job of Bulk API 2.0.

Queries are `queryAll`, so that records in the recycle bin come too: deleted ones, and those that
were merged into another (MasterRecordId).
https://developer.salesforce.com/docs/platform/api-rest/guide/resources-queryall
https://developer.salesforce.com/docs/platform/api-asynch/guide/query-bulk-api-2-0
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from madang.pull import ObjectFailed, PullError
from madang.pull.connection import AGAIN, Connection, understood
from madang.pull.objects import Chosen

Rows = Iterator[list[str]]
FIRST_LOOK, LONGEST_LOOK = 1.0, 30.0  # seconds between looks at a job
LONGEST_CELL = 2**27
csv.field_size_limit(LONGEST_CELL)


def describe(connection: Connection, name: str) -> dict[str, Any]:
    """Return what the org says of an object. Raises ObjectMissing where there is none."""
    with understood():
        told = connection.get(f"{connection.data}/sobjects/{name}/describe").json()
        if not all(isinstance(field["name"], str) for field in told["fields"]):
            raise TypeError
        return told


def soql(chosen: Chosen, since: datetime | None) -> str:
    """The query: all records that changed at or after a moment, or all."""
    names = ", ".join(dict.fromkeys(field.name for field in chosen.fields))
    text = f"SELECT {names} FROM {chosen.object}"
    if since:
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        text += f" WHERE {chosen.changed_at} >= {moment}"
    return text


@dataclass
class RestQuery:
    """A query over REST. `total` counts all its rows; `rows` asks for further pages as it goes."""

    connection: Connection
    chosen: Chosen
    total: int
    first: dict[str, Any]

    def rows(self) -> Rows:
        """Yield the rows as texts, in the order of `chosen.fields`. Raises ObjectFailed where
        fewer come than were told.
        """
        page, count = self.first, 0
        with understood():
            while True:
                for record in page["records"]:
                    count += 1
                    yield [field.text(record.get(field.name)) for field in self.chosen.fields]
                if page["done"] is True:
                    break
                if not page["records"] or count > self.total:  # without end
                    raise _short(count, self.total)
                page = self.connection.get(page["nextRecordsUrl"]).json()
        if count != self.total:
            raise _short(count, self.total)


def query(connection: Connection, chosen: Chosen, since: datetime | None) -> RestQuery:
    """Ask over REST; the first page is read at once."""
    params = {"q": soql(chosen, since)}
    with understood():
        page = connection.get(f"{connection.data}/queryAll", params).json()
        return RestQuery(connection, chosen, int(page["totalSize"]), page)


class BulkJob:
    """One query job of Bulk API 2.0, by its id."""

    def __init__(self, connection: Connection, job_id: str) -> None:
        self._connection = connection
        self.job_id = job_id
        self._path = f"{connection.data}/jobs/query/{job_id}"

    @classmethod
    def create(cls, connection: Connection, chosen: Chosen, since: datetime | None) -> "BulkJob":
        """Have Salesforce begin a job."""
        body = {
            "operation": "queryAll",
            "query": soql(chosen, since),
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        with understood():
            found = connection.post(f"{connection.data}/jobs/query", body).json()
            job_id = found["id"]
            if not re.fullmatch(r"[A-Za-z0-9]+", job_id):
                raise ValueError
        return cls(connection, job_id)

    def wait(self, minutes: float) -> None:
        """Wait until the result is there. Raises ObjectFailed where the job failed, PullError where
        it takes longer than `minutes`; it goes on then, and the next pull asks for it again.
        """
        began, pause = self._connection.clock(), FIRST_LOOK
        while True:
            with understood():
                told = self._connection.get(self._path).json()
                state = told["state"]
            if state == "JobComplete":
                return
            if state in ("Failed", "Aborted"):
                why = " ".join(str(told.get("errorMessage") or "no reason given").split())[:300]
                raise ObjectFailed(
                    f"Salesforce ended the job as {state}: {why}.",
                    fix="Run the same command again: it begins a new job.",
                )
            if self._connection.clock() - began > minutes * 60:
                message = f"Salesforce has worked on the job for more than {minutes:g} minutes."
                raise PullError(message, fix=AGAIN)
            self._connection.sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK)

    def page(self, locator: str | None, rows: int, target: Path) -> str | None:
        """Write one part of the result to a file; return the locator of the next, None at the end.

        Raises ObjectFailed where the part holds fewer rows than were told.
        """
        params: dict[str, Any] = {"maxRecords": rows}
        if locator:
            params["locator"] = locator
        found = self._connection.download(f"{self._path}/results", params, target)
        with understood():
            told = int(found.headers["Sforce-NumberOfRecords"])
            following = found.headers["Sforce-Locator"]
            count = count_rows(target)
        if count != told:
            raise _short(count, told)
        if following in ("", "null"):
            return None
        if following == locator or not count:  # without end
            raise _short(count, told)
        return following

    def forget(self) -> None:
        """Have Salesforce delete the job and its result, which it would keep for seven days."""
        try:
            self._connection.delete(self._path)
        except PullError:
            return  # it goes by itself


def csv_rows(path: Path, chosen: Chosen) -> Rows:
    """Yield the rows of a part as texts, in the order of `chosen.fields`."""
    with path.open(encoding="utf-8", newline="") as file, understood():
        lines = csv.reader(file)
        names = next(lines, None)
        if names is None:
            return
        header = {name.lower(): at for at, name in enumerate(names)}
        try:
            places = [header[field.name.lower()] for field in chosen.fields]
        except KeyError as error:
            raise ObjectFailed(f"The job's result has no column {error.args[0]}.") from error
        for cells in lines:
            yield [field.text(cells[at]) for field, at in zip(chosen.fields, places, strict=True)]


def count_rows(path: Path) -> int:
    """Count the rows of a CSV below its header, whatever its cells hold."""
    with path.open(encoding="utf-8", newline="") as file:
        return max(sum(1 for _ in csv.reader(file)) - 1, 0)


def _short(count: int, told: int) -> ObjectFailed:
    return ObjectFailed(
        f"{told:,} rows were told and {count:,} came; none of these is taken.", fix=AGAIN
    )
