"""Pulls one object: asks, lands what is new, moves the bookmark.

Over REST the whole result lands at once. A job of Bulk API 2.0 lands part by part, each noted once
it is in; a pull that was cut off goes on with the job that it left behind.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from madang import times
from madang.ingest.landing.holds import Acceptance
from madang.ingest.landing.land import LedgerRow, naive
from madang.ingest.landing.land import record as record_file
from madang.ingest.landing.ledger_clock import LedgerClock
from madang.ingest.one_file import Loading, load_file
from madang.ingest.report import FileReport, ProblemCounts
from madang.ingest.tables import SourceTable
from madang.pull import ObjectFailed, ObjectMissing, bookmarks
from madang.pull.bookmarks import Pulled
from madang.pull.connection import Connection
from madang.pull.landing import Known, file_name, spool
from madang.pull.objects import Chosen, choose
from madang.pull.queries import BulkJob, csv_rows, describe, query
from madang.pull.report import ObjectReport
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse

Opened = Callable[[], AbstractContextManager[Warehouse]]
TOO_MUCH = frozenset({"QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "QUERY_TOO_COMPLICATED"})
# Of fewer rows no share of bad ones says that the mapping is wrong.
HOLD_FROM_ROWS = 100


@dataclass
class Pulling:
    """What the objects of one pull share."""

    settings: Settings
    open_warehouse: Opened
    connection: Connection
    pull_id: str
    acceptance: Acceptance | None
    on_step: Callable[[str], object]
    problems: ProblemCounts = field(default_factory=ProblemCounts)


class ObjectPull:
    """The pull of one object, into a folder that is gone afterwards."""

    def __init__(self, run: Pulling, table: SourceTable, told: ObjectReport, folder: Path) -> None:
        self.run, self.table, self.told, self.folder = run, table, told, folder
        assert run.settings.salesforce is not None
        self.org = run.settings.salesforce

    def pull(self, since: datetime | None, full: bool) -> None:
        """Ask, land, move the bookmark."""
        run, told = self.run, self.told
        run.on_step(told.object)
        chosen = self._choose()
        again = full or since is not None
        done = self._done(chosen, go_on=not again)
        asked = run.connection.server_time
        assert asked is not None
        told.asked_from = self._from(done, since, full)
        if done and done.fields != chosen.signature and not again:
            told.notes.append(
                "the fields are not those of the last pull: records that do not change keep what "
                f"they had, unless you pull them again with --full --object {told.object}"
            )
        event = Pulled(
            source=self.table.label,
            event="begun",
            method="bulk",
            job_id=None,
            locator=None,
            part=0,
            asked_from=naive(told.asked_from) if told.asked_from else None,
            bookmark=naive(asked),
            fields=chosen.signature,
            rows=0,
            happened_at=naive(asked),
        )
        if not self._rest(chosen, event, again):
            self._bulk(chosen, event, again=again)

    def _done(self, chosen: Chosen, *, go_on: bool) -> Pulled | None:
        """Go on with the job that a pull left behind, if any; return the last `done`."""
        told = self.told
        progress = self._progress()
        asked = self.run.connection.server_time
        left = progress.open_job(chosen.signature, asked) if go_on and asked else None
        if left is None:
            return progress.done
        told.asked_from = left.asked_from.replace(tzinfo=UTC) if left.asked_from else None
        at = times.told(left.bookmark, self.run.settings.timezone)
        told.notes.append(f"went on with the job of {at}")
        try:
            self._bulk(chosen, left, resumed=True)
        except ObjectFailed as error:
            if told.status == "held":
                raise
            self._note(left, "failed")
            told.notes[-1] = f"the job of the last pull is gone ({error.message})"
        return self._progress().done

    def _progress(self) -> bookmarks.Progress:
        with self.run.open_warehouse() as warehouse:
            return bookmarks.progress(warehouse, self.table)

    def _choose(self) -> Chosen:
        name = self.told.object
        try:
            described = describe(self.run.connection, name)
        except ObjectMissing as error:
            raise ObjectMissing(
                f"The org has no {name}, or the user of the login does not see it.",
                fix="Let that user read it, or leave it out of salesforce.objects.",
            ) from error
        own = {key.lower(): fields for key, fields in self.org.fields.items()}
        chosen = choose(self.table, described, own.get(name.lower(), {}))
        if chosen.missing:
            self.told.notes.append(f"no such fields in the org: {', '.join(chosen.missing)}")
        return chosen

    def _from(self, done: Pulled | None, since: datetime | None, full: bool) -> datetime | None:
        """The moment to ask from: never later than what the bookmark still has to cover."""
        if full or (done is None and since is None):
            return None
        covered = since
        if done is not None:
            covered = done.bookmark.replace(tzinfo=UTC)
            covered -= timedelta(minutes=self.org.overlap_minutes)
        assert covered is not None
        return min(covered, since) if since else covered

    def _rest(self, chosen: Chosen, event: Pulled, again: bool) -> bool:
        """Pull over REST; False where it is too much for that, and nothing was taken."""
        asked_from = self.told.asked_from
        try:
            found = query(self.run.connection, chosen, asked_from)
        except ObjectFailed as error:
            if error.code in TOO_MUCH:
                return False
            raise
        if found.total >= self.org.bulk_from_rows:
            return False
        self._by("REST")
        event = replace(event, method="rest")
        known = self._known(chosen, again)
        path = self.folder / file_name(chosen, event.bookmark, 1)
        came, written = spool(found.rows(), chosen, known, path)
        self._land(path, came, written, None)
        self._finish(event)
        return True

    def _bulk(
        self, chosen: Chosen, event: Pulled, *, resumed: bool = False, again: bool = False
    ) -> None:
        """Pull by a job of Bulk API 2.0, part by part; a job that was left behind goes on."""
        org, told = self.org, self.told
        self._by("Bulk")
        if resumed:
            job = BulkJob(self.run.connection, event.job_id or "")
        else:
            job = BulkJob.create(self.run.connection, chosen, told.asked_from)
            event = replace(event, job_id=job.job_id)
            self._note(event, "begun")
        is_over = resumed and event.event == "page" and event.locator is None
        if not is_over:
            job.wait(org.job_timeout_minutes)
            for path, written, landed in self._parts(chosen, event, job, again):
                self._land(path, landed.rows, written, landed)
        self._finish(event)
        job.forget()

    def _parts(
        self, chosen: Chosen, event: Pulled, job: BulkJob, again: bool
    ) -> Iterator[tuple[Path, int, Pulled]]:
        """Yield each part of a result as a file, with how many rows it has and the event to note
        once they are in.
        """
        result = self.folder / "result.csv"
        known = self._known(chosen, again)
        while True:
            part, locator = event.part + 1, event.locator
            following = job.page(locator, self.org.page_rows, result)
            path = self.folder / file_name(chosen, event.bookmark, part)
            came, written = spool(csv_rows(result, chosen), chosen, known, path)
            event = replace(event, event="page", part=part, locator=following, rows=came)
            yield path, written, event
            path.unlink(missing_ok=True)
            if following is None:
                return

    def _known(self, chosen: Chosen, again: bool) -> Known:
        """What is in already of what was asked for; nothing where all is to come again."""
        known = Known(self.run.settings, self.table, chosen, self.folder)
        if not again:
            with self.run.open_warehouse() as warehouse:
                known.read(warehouse, self.told.asked_from)
        return known

    def _land(self, path: Path, came: int, written: int, event: Pulled | None) -> None:
        """Land a part, then note that it is in. Raises ObjectFailed where it is held."""
        run, told = self.run, self.told
        told.rows += came
        with run.open_warehouse() as warehouse:
            if written:
                loading = Loading(
                    run.settings,
                    warehouse,
                    run.pull_id,
                    run.problems,
                    acceptance=run.acceptance,
                    hold_from_rows=HOLD_FROM_ROWS,
                )
                self._count(load_file(loading, path, self.table))
                loading.settle()
            if event:
                bookmarks.record(warehouse, replace(event, happened_at=_now(warehouse)))
        run.on_step(f"{told.object}: {told.rows:,} rows")

    def _count(self, report: FileReport) -> None:
        told = self.told
        told.rejects_files += [report.rejects_file] if report.rejects_file else []
        told.rejected += report.rejected
        told.loaded += report.loaded
        told.notes += [note for note in report.notes if note not in told.notes]
        if report.status == "held" and not self.run.acceptance:
            told.status = "held"
            raise ObjectFailed(
                report.skipped_reason or "",
                fix="Correct the fields or the mapping; or take it as it is: madang pull "
                f'salesforce --object {told.object} --accept "why"',
            )

    def _finish(self, event: Pulled) -> None:
        """All rows are in: move the bookmark; where none was new, the files' ledger says so."""
        told = self.told
        with self.run.open_warehouse() as warehouse:
            self._record(warehouse, event, "done")
            if not told.loaded:
                what = f"{self.table.label} {event.bookmark.isoformat()} {self.run.pull_id}"
                entry = LedgerRow(
                    source=self.table.label,
                    file=f"pulled-{told.object.lower()}: nothing new",
                    sha256=hashlib.sha256(what.encode()).hexdigest(),
                    sheet=None,
                    rows=0,
                    loaded=0,
                    rejected=0,
                    rejects_file=None,
                    loaded_at=LedgerClock(warehouse).now(),
                )
                record_file(warehouse, [entry])
        told.status = "pulled" if told.loaded else "nothing new"

    def _by(self, method: str) -> None:
        told = self.told
        told.method = f"{told.method}, {method}" if told.method else method

    def _note(self, event: Pulled, kind: str) -> None:
        with self.run.open_warehouse() as warehouse:
            self._record(warehouse, event, kind)

    def _record(self, warehouse: Warehouse, event: Pulled, kind: str) -> None:
        bookmarks.record(warehouse, replace(event, event=kind, happened_at=_now(warehouse)))


def _now(warehouse: Warehouse) -> datetime:
    return naive(LedgerClock(warehouse).now())
