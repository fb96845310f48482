"""Pulls Salesforce: what changed since the last pull, object by object, into the raw tables.

The bookmark is Salesforce's own clock when it was asked, and moves after all rows are in. The next
pull asks again from some time before it, because a change gets its SystemModstamp when it is made
and is seen when its transaction ends; what comes again is known and does not land again.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from madang import scratch
from madang.errors import UsageError, did_you_mean
from madang.http.retry import Retry
from madang.ingest.errors import FileRefused
from madang.ingest.landing.holds import Acceptance
from madang.ingest.sources import read_sources
from madang.ingest.tables import SourceTable
from madang.pull import ObjectFailed, ObjectMissing, PullError
from madang.pull.connection import Connection
from madang.pull.login import Login
from madang.pull.one_object import ObjectPull, Opened, Pulling
from madang.pull.report import ObjectReport, PullReport
from madang.settings.workspace import Settings
from madang.times import in_name


def pull(
    settings: Settings,
    open_warehouse: Opened,
    objects: Sequence[str] = (),
    *,
    since: datetime | None = None,
    full: bool = False,
    acceptance: Acceptance | None = None,
    on_step: Callable[[str], object] | None = None,
    environ: Mapping[str, str] | None = None,
    retry: Retry | None = None,
) -> PullReport:
    """Pull the objects that madang.yml names (by default all that a source declares with `pull:`).

    `since` asks from that moment on, `full` for everything; rows that are in already land again
    then, as the columns are now. The warehouse is opened to land a part, not while Salesforce
    works. Raises ConfigError for the login and the settings, UsageError for an unknown object,
    WarehouseError when rows cannot be written; what Salesforce refuses is in the report.
    """
    login = Login(settings, environ)
    tables = chosen_tables(settings, objects)
    connection = Connection(login, retry)
    pull_id = f"{in_name(datetime.now(UTC), settings.timezone)}-{secrets.token_hex(2)}"
    step = on_step or (lambda _: None)
    run = Pulling(settings, open_warehouse, connection, pull_id, acceptance, step)
    report = PullReport(pull_id, [ObjectReport(table.pull or "", table.label) for table in tables])
    try:
        for table, told in zip(tables, report.objects, strict=True):
            report.stopped = _take(run, table, told, since, full)
            if report.stopped:
                break
    finally:
        connection.close()
    report.problems = run.problems.listed()
    report.requests = connection.requests
    report.used, report.allowed = connection.used, connection.allowed
    return report


def _take(
    run: Pulling, table: SourceTable, told: ObjectReport, since: datetime | None, full: bool
) -> PullError | None:
    """Pull one object, or say why not; return what lets no other object be pulled either."""
    try:
        with scratch.folder(run.settings.paths.scratch) as folder:
            ObjectPull(run, table, told, folder).pull(since, full)
    except (ObjectFailed, FileRefused) as error:
        if told.status != "held":
            told.status = "missing" if isinstance(error, ObjectMissing) else "failed"
        told.reason, told.fix = error.message, error.fix
    except PullError as error:
        told.status, told.reason = "failed", error.message
        return error
    return None


def chosen_tables(settings: Settings, objects: Sequence[str] = ()) -> list[SourceTable]:
    """Return the tables to pull, in the order of the YAML. Raises UsageError for a strange name."""
    tables = {table.pull: table for table in read_sources(settings.project_dir) if table.pull}
    known = [name for name in tables if name]
    configured = settings.salesforce.objects if settings.salesforce else None
    wanted = list(objects) or configured or known
    by_case = {name.lower(): name for name in known}
    for name in [*wanted, *(settings.salesforce.fields if settings.salesforce else ())]:
        if name.lower() not in by_case:
            raise UsageError(
                f"No source declares 'pull: {name}'.{did_you_mean(name, known)}",
                where=str(settings.config_path),
                fix=f"Objects: {', '.join(known)}.",
            )
    names = {by_case[name.lower()] for name in wanted}
    return [table for name, table in tables.items() if name in names]
