"""Asks Google what only a real project can tell: rights, places, shards, time zone, statements."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from madang import cost, scratch
from madang.errors import MadangError
from madang.health.doctor import Finding
from madang.settings.ga4 import Ga4Property
from madang.settings.workspace import LAYERS, Settings
from madang.warehouse.bigquery import BigQueryWarehouse

PROBE = "doctor"  # a dataset of its own, made and removed again
LATE = timedelta(days=2)


def examine_online(settings: Settings) -> Iterator[Finding]:
    """Look at the project through Google's API. Never raises.

    Writes one row to a dataset `<schema>_doctor`, reads it back and removes both. Reads two columns
    of one day of the export; everything else is metadata and dry runs, which cost nothing.
    """
    try:
        warehouse = BigQueryWarehouse.open(settings)
    except MadangError as error:
        yield _problem("credentials", error)
        return
    try:
        who = getattr(warehouse.client._credentials, "service_account_email", None)
        yield Finding("credentials", "ok", str(who or "default credentials"))
        checks: list[tuple[str, Callable[[Settings, BigQueryWarehouse], Iterator[Finding]]]] = [
            ("queries", _queries),
            ("GA4 export", _export),
            ("time zone", _time_zone),
            ("datasets", _datasets),
            ("writing", _writing),
            ("statements", _statements),
        ]
        for name, check in checks:
            try:
                yield from check(settings, warehouse)
            except MadangError as error:
                yield _problem(name, error)
    finally:
        warehouse.close()


def _problem(name: str, error: MadangError) -> Finding:
    return Finding(name, "problem", error.message, error.fix)


def _queries(settings: Settings, warehouse: BigQueryWarehouse) -> Iterator[Finding]:
    warehouse.fetch("select 1 as one")
    yield Finding("queries", "ok", f"jobs run in project {settings.bigquery.project}")
    limit = settings.bigquery.maximum_bytes_billed
    if limit is None:
        fix = "Set warehouse.bigquery.maximum_bytes_billed: no single statement reads more then."
        yield Finding("limit of bytes", "warning", "none", fix)
    else:
        yield Finding("limit of bytes", "ok", f"{cost.size(limit)} a statement")


def _export(settings: Settings, warehouse: BigQueryWarehouse) -> Iterator[Finding]:
    for one, dataset in warehouse.require_exports():
        name = _name(settings, "GA4 export", one)
        shards = _shards(warehouse, one, dataset)
        daily = [shard for shard in shards if len(shard) == 8]
        if not daily:
            fix = (
                "The link writes its first day within 24 hours. Correct the dataset if it is older."
            )
            yield Finding(name, "problem", f"no daily shards ({one.shard_prefix}YYYYMMDD)", fix)
            continue
        live = any(shard.startswith("intraday_") for shard in shards)
        detail = f"{len(daily)} days, {daily[0]} to {daily[-1]}, "
        detail += f"{'with intraday' if live else 'daily only'}, in {dataset.location}"
        today = settings.now().astimezone(ZoneInfo(one.timezone)).date()
        behind = today - datetime.strptime(daily[-1], "%Y%m%d").date()
        if behind > LATE and one.format == "ga4":  # Universal Analytics has ended
            fix = "Look at the link in GA4 (Admin > BigQuery links) and at its project's billing."
            yield Finding(name, "warning", f"{detail}: the last days are missing", fix)
        else:
            yield Finding(name, "ok", detail)


def _name(settings: Settings, check: str, one: Ga4Property) -> str:
    return f"{check} {one.id}" if settings.ga4.properties else check


def _shards(warehouse: BigQueryWarehouse, one: Ga4Property, dataset: Any) -> list[str]:
    listed = warehouse.tables({dataset.dataset_id}, project=dataset.project)
    prefix = one.shard_prefix
    return sorted(name.removeprefix(prefix) for _, name in listed if name.startswith(prefix))


def _time_zone(settings: Settings, warehouse: BigQueryWarehouse) -> Iterator[Finding]:
    for one, dataset in warehouse.require_exports():
        daily = [name for name in _shards(warehouse, one, dataset) if len(name) == 8]
        if daily and one.format == "ga4":
            yield _time_zone_of(settings, warehouse, one, daily[-1])


def _time_zone_of(
    settings: Settings, warehouse: BigQueryWarehouse, one: Ga4Property, day: str
) -> Finding:
    (row,) = warehouse.fetch(
        f"""
        select
            count(*) as events,
            count(case when event_date = format_timestamp(
                '%Y%m%d', timestamp_micros(event_timestamp), ?
            ) then 1 end) as same_day
        from `{one.project}`.`{one.dataset}`.`events_{day}`""",
        [one.timezone],
    )
    name = _name(settings, "time zone", one)
    if not row["events"]:
        return Finding(name, "warning", f"events_{day} is empty")
    if row["same_day"] < 0.99 * row["events"]:
        share = row["same_day"] / row["events"]
        fix = "Set 'timezone' to the GA4 property's (Admin > Property details)."
        detail = f"only {share:.0%} of {day} is of that day in {one.timezone}"
        return Finding(name, "problem", detail, fix)
    return Finding(name, "ok", f"{one.timezone} is the property's")


def _datasets(settings: Settings, warehouse: BigQueryWarehouse) -> Iterator[Finding]:
    warehouse.check()
    there = {name for name, _ in warehouse.tables({settings.schema_of(one) for one in LAYERS})}
    detail = f"{len(there)} of {len(LAYERS)} hold tables, in {settings.bigquery.location}"
    yield Finding("datasets", "ok", detail)


def _writing(settings: Settings, warehouse: BigQueryWarehouse) -> Iterator[Finding]:
    try:
        with scratch.folder(warehouse.scratch) as folder:
            path = folder / "probe.parquet"
            duckdb.sql(f"copy (select 'probe' as name) to '{path}' (format parquet)")
            warehouse.append(PROBE, "probe", path)
        rows = warehouse.fetch(f"select name from {warehouse.relation(PROBE, 'probe')}")
    finally:
        with suppress(MadangError):
            warehouse.drop_layer(PROBE)
    if [row["name"] for row in rows] == ["probe"]:
        yield Finding("writing", "ok", "a dataset was made, loaded, read and removed")
    else:
        yield Finding("writing", "problem", "what was loaded is not what is read")


def _statements(settings: Settings, warehouse: BigQueryWarehouse) -> Iterator[Finding]:
    report = cost.estimate(settings)
    known = len(report.nodes) - len(report.not_built)
    detail = f"BigQuery accepts {known} of {len(report.nodes)} models and tests"
    if report.not_built:
        detail += f"; {len(report.not_built)} can be asked about after the first build"
    yield Finding("statements", "ok", detail)
    price = f"{cost.size(report.bytes)}, USD {report.dollars:,.2f}"
    if report.is_over_budget:
        fix = "Raise cost.daily_budget or read fewer days (ga4.start_date)."
        yield Finding("cost of a day", "problem", f"{price}: above the budget", fix)
    elif report.budget is None:
        yield Finding("cost of a day", "warning", price, "Set cost.daily_budget in madang.yml.")
    else:
        yield Finding("cost of a day", "ok", f"{price}, budget {cost.size(report.budget)}")
