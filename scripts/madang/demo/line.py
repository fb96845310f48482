"""The whole line on a generated company, with a local server in the place of Braze."""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from time import monotonic

from madang import ui
from madang import work as run
from madang.errors import UsageError
from madang.lock import workspace_lock
from madang.reports import ReportError
from madang.settings import secrets as config_secrets
from madang.settings.workspace import Settings, load_settings
from madang.sync.destinations.registry import entry_of
from madang.warehouse import open_warehouse

STAMP = ".demo.json"
BUILT = ("warehouse.duckdb", "warehouse.duckdb.wal", "journal.sqlite", "sandbox.sqlite", STAMP)
BUILT_FOLDERS = ("rejects", "plans", "marts", "site", "target", "warehouse.duckdb.tmp")
STEPS = 9


def run_demo(out: Path | None, *, people: int, days: int, seed: int) -> int:
    """Generate, load, check, build, plan, send, report; return the worst exit code.

    What is there already is not done again: the same company is not generated twice, loaded files
    are not loaded twice, and a second sync has nothing to send. Raises UsageError when `out` holds
    something else than a demo.
    """
    started = monotonic()
    root = (out or default_folder()).resolve()
    generated = _company(root, people, days, seed)
    settings = load_settings(root)
    ui.use_zone(settings.timezone)
    config_secrets.take(settings)
    timings = [("generate", monotonic() - started)]
    with workspace_lock(settings, "demo"), _local_destinations(settings) as settings:
        codes = []
        for name, work in (
            ("load", lambda: codes.append(run.load(settings))),
            ("build", lambda: codes.append(run.build(settings))),
            ("plan", lambda: codes.append(run.plan(settings))),
            ("sync", lambda: codes.append(run.sync(settings, apply=True))),
            ("answers", lambda: codes.append(run.poll(settings))),
        ):
            began = monotonic()
            ui.line(f"\n{name}", "bold")
            work()
            timings.append((name, monotonic() - began))
            if run.WRONG in codes:
                return run.WRONG
        began = monotonic()
        page = _page(settings)
        timings.append(("report", monotonic() - began))
    rows = [("company", generated), *_outcome(settings)]
    rows.append(("time", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in timings)))
    rows.append(("in all", f"{monotonic() - started:.1f} s"))
    rows.append(("look around", f"{_command()} --config {_shown(root)} status"))
    rows.append(("open", page))
    ui.summary("The demo company is ready", rows)
    return run.FAILED if run.FAILED in codes else run.OK


def default_folder() -> Path:
    """Return data/demo of the nearest dbt project above, else of the working folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dbt_project.yml").is_file():
            return folder / "data" / "demo"
    return here / "data" / "demo"


def _company(root: Path, people: int, days: int, seed: int) -> str:
    """Generate the company unless it is there; return it in words."""
    wanted = {"people": people, "days": days, "seed": seed, "generator": _generator_version()}
    words = f"{people:,} people, {days} days, seed {seed}"
    stamp = root / STAMP
    if stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == wanted:
        ui.line(f"The company is there already ({words}).")
        return words
    ours = stamp.is_file() or (root / "truth" / "world.json").is_file()
    if root.is_dir() and any(root.iterdir()) and not ours:
        raise UsageError(
            "This folder holds something else than a demo.",
            where=str(root),
            fix="Name an empty or a new folder with --out.",
        )
    for name in BUILT:
        (root / name).unlink(missing_ok=True)
    for name in BUILT_FOLDERS:
        shutil.rmtree(root / name, ignore_errors=True)
    from madang.demo import generate

    with ui.progress("Generating", STEPS) as step:
        made = generate(root, people=people, days=days, seed=seed, on_step=step)
    stamp.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
    words = f"{words}: {made.events:,} events, {made.customers:,} customers"
    ui.line(f"Generated {words} ({made.bytes / 1e6:,.0f} MB) in {made.seconds:.1f} s.")
    return words


def _generator_version() -> str:
    """A hash of the generator's files: another generator makes another company."""
    from madang import demo

    folder = Path(demo.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".sql", ".json"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _local_destinations(settings: Settings) -> Iterator[Settings]:
    """Serve a sandbox for each destination and point the settings at them.

    What they hold is kept in the workspace.
    """
    with ExitStack() as stack:
        local = {}
        for name, destination in settings.destinations.items():
            sandbox = import_module(entry_of(name).sandbox)
            served = sandbox.served(destination, settings.root, _customer_numbers(settings.root))
            local[name] = stack.enter_context(served)
        yield settings.model_copy(update={"destinations": local})


def _customer_numbers(root: Path) -> list[str]:
    """The numbers of the company's customers, from its truth."""
    from madang import scratch

    with scratch.database(root) as connection:
        rows = connection.execute(
            "select distinct identifier_value from read_parquet(?) "
            "where identifier_type = 'crm_id' order by 1",
            [str(root / "truth" / "identifiers.parquet")],
        ).fetchall()
    return [number for (number,) in rows]


def _page(settings: Settings) -> str:
    """Render the page; without the extra, say how to get it."""
    try:
        return _shown(run.report(settings))
    except ReportError as error:
        return f"not rendered: {error.message} {error.fix}"


def _outcome(settings: Settings) -> list[tuple[str, str]]:
    """What came out: persons, activities, audiences, what the destination holds."""
    with open_warehouse(settings, read_only=True) as warehouse:

        def count(layer: str, table: str) -> str:
            sql = f"select count(*) as n from {warehouse.relation(layer, table)}"
            return f"{warehouse.fetch(sql)[0]['n']:,}"

        rows = [
            ("known persons", count("identity", "persons")),
            ("activities", count("activity", "activities")),
        ]
        sizes = warehouse.fetch(
            f"""
            select audience, count(*) as members,
                count(*) filter (where is_contactable) as contactable
            from {warehouse.relation("marts", "audience_members")}
            group by audience order by audience"""
        )
        for row in sizes:
            words = f"{row['members']:,} members, {row['contactable']:,} may be contacted"
            rows.append((row["audience"], words))
        last = warehouse.fetch(
            f"""
            select sync, accepted, rejected, requests
            from {warehouse.relation("ledger", "sync_runs")}
            qualify row_number() over (partition by sync order by ledger_no desc) = 1
            order by sync"""
        )
    for row in last:
        words = f"{row['accepted']:,} values accepted, {row['rejected']:,} rejected"
        rows.append((f"sync {row['sync']}", f"{words}, {row['requests']:,} requests"))
    return rows


def _shown(path: Path) -> str:
    """A path as short as it can be from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _command() -> str:
    """This program as it can be called from here: by name when it is on the path."""
    return "madang" if shutil.which("madang") else _shown(Path(sys.argv[0]).absolute())
