"""Generate the demo company: a workspace of source files, and the truth beside them."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from madang.demo import crm_workbook, currents, files, ga4, truth
from madang.demo.engine import Engine
from madang.demo.publish import Publisher
from madang.demo.world import World, is_continuation, plan_world, write_record
from madang.specs.package import shipped

_OWN_FOLDERS = ("ga4", "inbox", "exports", "truth")
_RECORD = "truth/world.json"
#: The dbt project of the company, in Madang's.
PROJECT = Path("examples") / "maru"


@dataclass(frozen=True)
class DemoSummary:
    """What was generated. Events count rows of the export, exact duplicates included."""

    out: Path
    until: datetime
    people: int
    customers: int
    devices: int
    sessions: int
    events: int
    orders: int
    applications: int
    audiences: dict[str, int]
    funnel: dict[str, int]
    files: int
    bytes: int
    seconds: float


def generate(
    out: Path,
    *,
    people: int = 20_000,
    days: int = 60,
    seed: int = 7,
    until: datetime | None = None,
    on_step: Callable[[str], None] | None = None,
) -> DemoSummary:
    """Write a complete workspace below `out` and return what it holds.

    The same arguments give the same rows. `until` (aware; default 2026-11-01T12:00+09:00) is the
    moment at which the sources are looked at: later events are not there yet, late ones are still
    on their way, the running day is an intraday shard, and the workspace's `as_of` is pinned to
    it. Generating the same company again with a later `until` restates what changed and leaves
    every other file untouched; any other company in `out` is replaced.

    Raises `DemoError` when the arguments cannot make a company.
    """
    started = time.monotonic()
    world = plan_world(people, days, seed, until)
    step = on_step or (lambda _: None)
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    if not is_continuation(world, out / _RECORD):
        for folder in _OWN_FOLDERS:
            shutil.rmtree(out / folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=out) as scratch:
        publisher = Publisher(out, Path(scratch))
        with Engine(world, Path(scratch)) as engine:
            step("People and their devices")
            engine.run("people")
            engine.run("devices")
            step("Visits and what happens in them")
            engine.run("visits")
            engine.run("traffic")
            engine.run("shop")
            engine.run("events")
            step("Customers, consents, orders, outcomes")
            for name in ("customers", "experiments", "orders", "applications", "permissions"):
                engine.run(name)
            for name in ("exports", "ads", "braze"):
                engine.run(name)
            step("GA4 export")
            ga4.write_shards(engine, world, publisher)
            step("CRM workbook")
            crm_workbook.write(engine, world, publisher)
            step("Consent log, orders, outcomes, ad costs, inquiries, notices, Salesforce")
            files.write(engine, world, publisher)
            step("Braze Currents")
            currents.write(engine, publisher)
            step("Truth")
            truth.write(engine, publisher)
            publisher.put("madang.yml", lambda draft: _write_settings(draft, out, world))
            write_record(world, out / _RECORD)
            return _summarise(engine, world, publisher, started)


def _write_settings(draft: Path, out: Path, world: World) -> None:
    project = shipped() / PROJECT
    lines = [
        "# The generated demo company. `madang demo` writes this file anew.",
        "version: 1",
        "timezone: Asia/Seoul",
        "currency: KRW",
        f"as_of: {world.until.isoformat()}",
    ]
    lines.append(f"project: {Path(os.path.relpath(project, out)).as_posix()}")
    lines += [
        "destinations:",
        "  braze: {url: 'http://127.0.0.1:8741', key_env: MADANG_BRAZE_KEY}",
        "  google: {account_id: '1234567890', auth: refresh_token, terms_accepted: true,",
        "    political_ads_declared: true, url: 'http://127.0.0.1:8742',",
        "    token_url: 'http://127.0.0.1:8742/token'}",
        "  meta: {ad_account_id: '1234567890', dataset_id: '55555', url: 'http://127.0.0.1:8743'}",
    ]
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _summarise(engine: Engine, world: World, publisher: Publisher, started: float) -> DemoSummary:
    counts = engine.records("""
        select
            (select count(*) from seen_crm_rows) as customers,
            (select count(*) from seen_orders) as orders,
            (select count(*) from applications where event_us <= getvariable('until_us'))
                as applications,
            (select value from truth_totals where metric = 'devices') as devices,
            (select value from truth_totals where metric = 'sessions') as sessions,
            (select sum(value) from truth_totals where metric = 'raw_events') as events
    """)[0]
    audiences = engine.rows("""
        select audience, count(*) from truth_audiences group by audience order by audience
    """)
    funnel = engine.rows("select step, people from truth_funnel order by step_number")
    return DemoSummary(
        out=publisher.root,
        until=world.until,
        people=world.people,
        audiences=dict(audiences),
        funnel=dict(funnel),
        files=len(publisher.paths),
        bytes=publisher.bytes,
        seconds=round(time.monotonic() - started, 1),
        **{name: int(value) for name, value in counts.items()},
    )
