"""The work behind `madang pull`: fetch what a tool holds, and show what came."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from madang import ui
from madang.errors import MadangError, UsageError, did_you_mean
from madang.pull.report import PullReport
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse

SOURCES = ("salesforce",)


def pull(
    settings: Settings,
    source: str = "salesforce",
    objects: Sequence[str] = (),
    *,
    since: str | None = None,
    full: bool = False,
    accept: str | None = None,
    author: str | None = None,
) -> int:
    """Pull a source and show it. 0 all objects are in, 3 in part, 1 none.

    Raises UsageError for an unknown source, object or moment, ConfigError for the login.
    """
    from madang.ingest import accepted
    from madang.pull.salesforce import pull as pull_salesforce

    if source not in SOURCES:
        raise UsageError(
            f"There is nothing to pull named '{source}'.{did_you_mean(source, SOURCES)}",
            fix=f"Sources: {', '.join(SOURCES)}.",
        )
    moment = _moment(since, settings)
    acceptance = accepted(accept, author, list(objects))
    with ui.progress("Pulling") as step:
        report = pull_salesforce(
            settings,
            lambda: open_warehouse(settings),
            objects,
            since=moment,
            full=full,
            acceptance=acceptance,
            on_step=step,
        )
    show(report)
    return report.exit_code


def show(report: PullReport) -> None:
    """Print what became of each object, rows left out, and what it cost in calls."""
    columns = ("object", "status", "by", "changed since", "rows", "new", "rejected")
    rows = [
        (
            one.object,
            one.status,
            one.method,
            one.asked_from,
            one.rows,
            one.loaded,
            one.rejected,
        )
        for one in report.objects
    ]
    ui.table("Salesforce", columns, rows)
    stopped = report.stopped.message if report.stopped else None
    for one in report.objects:
        for text in (one.reason if one.reason != stopped else None, one.fix, *one.notes):
            if text:
                ui.line(f"  {one.object}: {text}")
    problems = [(p.source, p.column, p.english, p.korean, p.rows) for p in report.problems]
    if problems:
        ui.table("Rows left out", ("source", "column", "problem", "문제", "rows"), problems)
    for one in report.objects:
        for path in one.rejects_files:
            ui.line(f"  rejects: {path}")
    usage = f"{report.requests:,} requests"
    if report.used is not None and report.allowed:
        usage += f"; the org has used {report.used:,} of {report.allowed:,} calls of 24 hours"
    ui.line(f"{sum(one.loaded for one in report.objects):,} new rows, {usage}.")
    if report.stopped:
        ui.show_error(report.stopped)


def pull_if_configured(settings: Settings) -> int:
    """Pull what madang.yml names, as a part of a whole run, which an outage does not stop."""
    if settings.salesforce is None:
        return 0
    try:
        return 3 if pull(settings) else 0
    except MadangError as error:
        ui.show_error(error)
        return 3


def _moment(text: str | None, settings: Settings) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        fix = "Such as 2026-10-01 or 2026-10-01T09:00:00+09:00."
        raise UsageError(f"--since is no moment: {text}.", fix=fix) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(settings.timezone))
