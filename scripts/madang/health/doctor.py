"""Looks at the machine and the workspace, and says what would stop a run."""

import importlib.util
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from madang import ui
from madang.build.export import shard_files
from madang.errors import MadangError
from madang.health import doctor_destinations, rights
from madang.health.ga4_notes import at_limit, days_at_limit
from madang.pull.connection import Connection
from madang.pull.login import Login
from madang.settings.secrets import given
from madang.settings.workspace import Settings
from madang.specs import package
from madang.storage import NO_ROOM, closed, free_bytes
from madang.sync import SyncError
from madang.sync.destinations.base import Look
from madang.sync.journal import check, reading
from madang.warehouse import open_warehouse

Status = Literal["ok", "warning", "problem"]
PACKAGES = ("dbt-core", "dbt-duckdb", "duckdb", "pydantic", "typer")
EXTRAS = {
    "bigquery": "dbt.adapters.bigquery",
    "reports": "dbt_charts",
    "receiver": "starlette",
    "salesforce": "jwt",
    "science": "sklearn",
}
FREE_BYTES = 1 << 30
FILES_ONLY = "Without an export everything is built from files alone."


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    name: str
    status: Status
    detail: str
    fix: str | None = None


def examine(settings: Settings, online: bool = False) -> list[Finding]:
    """Look at everything a run needs. Never raises; a `problem` would stop a run.

    With `online`, BigQuery, Salesforce and destinations are asked what cannot be seen from here.
    """
    return [
        *_software(),
        *_project(settings),
        *_folders(settings),
        *_rights(settings),
        *_inputs(settings),
        *_warehouse(settings),
        *_salesforce(settings),
        *map(_told, doctor_destinations.examine(settings)),
        *_journal(settings),
        *(_online(settings) if online else ()),
    ]


def as_json(findings: list[Finding]) -> dict[str, Any]:
    """Return the findings for machines."""
    worst = "ok"
    for status in ("warning", "problem"):
        if any(finding.status == status for finding in findings):
            worst = status
    return {"status": worst, "findings": [asdict(finding) for finding in findings]}


def _told(look: Look) -> Finding:
    return Finding(look.name, look.status, look.detail, look.fix)


def _software() -> Iterator[Finding]:
    found = sys.version.split()[0]
    yield Finding("Python", "ok", found)
    for name in PACKAGES:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "problem", "not installed", "Install madang again.")
    for extra, module in EXTRAS.items():
        try:
            there = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            there = False
        detail = "installed" if there else f"not installed (pip install 'madang[{extra}]')"
        yield Finding(f"extra {extra}", "ok", detail)


def _project(settings: Settings) -> Iterator[Finding]:
    folder = settings.project_dir
    if (folder / "dbt_project.yml").is_file():
        yield Finding("dbt project", "ok", str(folder))
        local = (folder / "profiles.yml").is_file()
        detail = "profiles.yml" if local else "profiles.yml.example, as it is"
        yield Finding("dbt profile", "ok", detail)
        if problem := package.disagreement(folder):
            yield Finding("dbt package", "problem", problem.message, problem.fix)
    else:
        fix = "Set 'project:' in madang.yml to the folder that has dbt_project.yml."
        yield Finding("dbt project", "problem", f"no dbt_project.yml in {folder}", fix)


def _folders(settings: Settings) -> Iterator[Finding]:
    free = free_bytes(settings.root)
    status: Status = "ok" if free >= FREE_BYTES else "warning" if free >= NO_ROOM else "problem"
    fix = None if status == "ok" else "A build needs room for tables and for spilling."
    yield Finding("free disk", status, f"{free / (1 << 30):,.1f} GiB", fix)
    for name in ("rejects", "plans", "logs", "scratch", "marts", "site"):
        if place := closed(getattr(settings.paths, name)):
            fix = "Give the user that runs madang the right to write there."
            yield Finding(f"folder {name}", "problem", f"cannot write to {place}", fix)


def _online(settings: Settings) -> Iterator[Finding]:
    if settings.salesforce:
        yield _salesforce_login(settings)
    yield from map(_told, doctor_destinations.ask(settings))
    if settings.warehouse.type != "bigquery":
        yield Finding("online", "ok", "nothing to ask: the warehouse is a file")
        return
    try:
        from madang.health.doctor_bigquery import examine_online
    except ImportError as error:
        fix = "pip install 'madang[bigquery]'"
        yield Finding("online", "problem", f"not installed: {error.name}", fix)
        return
    yield from examine_online(settings)


def _export(settings: Settings) -> Iterator[Finding]:
    for one in settings.ga4_properties():
        name = f"GA4 export {one.id}" if settings.ga4.properties else "GA4 export"
        if settings.warehouse.type == "bigquery":
            if one.dataset:
                place = f"{one.project}.{one.dataset}"
                yield Finding(name, "ok", f"{place} (--online looks into it)")
            else:
                fix = "Set warehouse.bigquery.ga4_dataset to analytics_<property id>. " + FILES_ONLY
                yield Finding(name, "warning", "none: its dataset is not named", fix)
        elif files := shard_files(one):
            detail = f"{len(files)} files, {files[0].name} to {files[-1].name}"
            yield Finding(name, "ok", detail)
        else:
            fix = f"Put events_YYYYMMDD.parquet files there. {FILES_ONLY}"
            yield Finding(name, "warning", f"none: no files in {one.path}", fix)


def _rights(settings: Settings) -> Iterator[Finding]:
    """Whether others can read what holds personal data."""
    name = "read by its owner alone"
    found = Counter(one.place for one in rights.loose(settings))
    if found:
        told = ", ".join(f"{place} ({count})" for place, count in found.items())
        fix = "The next command that writes takes them away, where the files are yours."
        yield Finding(name, "warning", f"others can read: {told}", fix)
    else:
        yield Finding(name, "ok", f"published for: {settings.publish.readable_by}")
    if left := rights.older_scratch():
        fix = "Remove them when no older madang is at work: rows of killed loads stand in them."
        yield Finding("scratch of older versions", "warning", ", ".join(map(str, left)), fix)


def _inputs(settings: Settings) -> Iterator[Finding]:
    yield from _export(settings)
    inbox = settings.paths.inbox
    files = [path for path in inbox.rglob("*") if path.is_file()] if inbox.is_dir() else []
    if files:
        yield Finding("inbox", "ok", f"{len(files)} files")
    else:
        yield Finding("inbox", "warning", f"no files in {inbox}", "Put files there, 'madang load'.")


def _warehouse(settings: Settings) -> Iterator[Finding]:
    path = settings.warehouse.path
    if settings.warehouse.type == "bigquery":
        yield from _bigquery(settings)
        return
    if not path.exists():
        yield Finding("warehouse", "ok", "not built yet")
        return
    try:
        with open_warehouse(settings, read_only=True) as warehouse:
            tables = warehouse.fetch("select count(*) as n from information_schema.tables")[0]["n"]
            cut_off = at_limit(days_at_limit(warehouse))
        yield Finding("warehouse", "ok", f"{tables} tables, {path.stat().st_size / 1e6:,.1f} MB")
        if cut_off:
            yield Finding("GA4 export's limit", "warning", cut_off)
    except MadangError as error:
        yield Finding("warehouse", "problem", error.message, error.fix)


def _bigquery(settings: Settings) -> Iterator[Finding]:
    reach = settings.bigquery
    detail = f"BigQuery project {reach.project}, datasets {settings.warehouse.schema_}_*"
    detail += f" in {reach.location}"
    if reach.keyfile_env and not Path(given().get(reach.keyfile_env, "")).is_file():
        fix = f"Set {reach.keyfile_env} to the path of the service account's key file."
        yield Finding("warehouse", "problem", f"{detail}: the key file is not there", fix)
    else:
        yield Finding("warehouse", "ok", f"{detail} (--online asks for its rights)")


def _salesforce(settings: Settings) -> Iterator[Finding]:
    if settings.salesforce is None:
        return
    detail = f"{settings.salesforce.url}, {settings.salesforce.auth}"
    try:
        Login(settings)
    except MadangError as error:
        fix = f"{error.fix} 'madang pull' needs it."
        yield Finding("Salesforce", "warning", f"{detail}: {error.message}", fix)
    else:
        yield Finding("Salesforce", "ok", f"{detail} (--online logs in)")


def _salesforce_login(settings: Settings) -> Finding:
    try:
        connection = Connection(Login(settings))
        connection.get(connection.data)
    except MadangError as error:
        return Finding("Salesforce login", "problem", error.message, error.fix)
    used = f"{connection.used:,} of {connection.allowed:,}" if connection.allowed else "unknown"
    return Finding("Salesforce login", "ok", f"calls of 24 hours used: {used}")


def _journal(settings: Settings) -> Iterator[Finding]:
    path = settings.paths.journal
    if not path.exists():
        yield Finding("journal", "ok", "nothing sent yet")
        return
    result, fix = "ok", None
    try:
        with reading(path) as journal:
            check(journal)
    except SyncError as error:
        result, fix = error.message, error.fix
    if result == "ok":
        yield Finding("journal", "ok", f"{path.stat().st_size / 1e6:,.1f} MB")
    else:
        yield Finding("journal", "problem", result, fix)


def show(findings: list[Finding]) -> None:
    """Print the findings, the way to mend each below it."""
    marks = {
        "ok": ("ok     ", "green"),
        "warning": ("warning", "yellow"),
        "problem": ("problem", "red"),
    }
    for finding in findings:
        mark, style = marks[finding.status]
        ui.line(f"{mark}  {finding.name}: {finding.detail}", None if style == "green" else style)
        if finding.fix and finding.status != "ok":
            ui.line(f"         {finding.fix}")
