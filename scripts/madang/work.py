"""The work behind load, plan, sync, report and run: do it and show it."""

from collections.abc import Sequence
from pathlib import Path

from madang import ui
from madang.build.build import FAILED, OK, PARTIAL, WRONG, build
from madang.build.publish import publish_tables
from madang.errors import MadangError
from madang.names import shown
from madang.pull.command import pull_if_configured
from madang.settings.workspace import Settings
from madang.warehouse import labels, open_warehouse


def load(
    settings: Settings,
    paths: Sequence[Path] | None = None,
    accept: str | None = None,
    author: str | None = None,
) -> int:
    """Load files, by default the inbox and what was received. 0 all, or nothing came; 3 in part;
    1 nothing of what came.

    `accept` says why files that a limit would hold are loaded as they are; it needs `paths`.
    """
    from madang.ingest import accepted
    from madang.ingest import load as load_files
    from madang.ingest.errors import NothingToLoad

    if paths and [str(path) for path in paths] == ["inbox"]:
        paths = None
    acceptance = accepted(accept, author, paths)
    with open_warehouse(settings) as warehouse, ui.progress("Loading") as step:
        try:
            report = load_files(settings, warehouse, paths, on_step=step, acceptance=acceptance)
        except NothingToLoad:
            if paths:
                raise
            report = None
    if report is None or not report.files:
        ui.line(f"Nothing to load: no files in {settings.paths.inbox}")
        return OK
    rows = [(f.name, f.source, f.status, f.rows, f.loaded, f.rejected) for f in report.files]
    ui.table("Files", ("file", "source", "status", "rows", "loaded", "rejected"), rows)
    for file in report.files:
        for text in (file.skipped_reason, file.fix, *file.notes):
            if text and file.status != "already loaded":
                ui.line(f"  {file.name}: {text}")
    problems = [(p.source, p.column, p.english, p.korean, p.rows) for p in report.problems]
    if problems:
        ui.table("Rows left out", ("source", "column", "problem", "문제", "rows"), problems)
    for path in report.rejects_files:
        ui.line(f"  rejects: {path}")
    for path in report.refusal_files:
        ui.line(f"  why refused: {path}")
    return report.exit_code


def propose(settings: Settings, file: Path, source: str | None, out: Path | None) -> int:
    """Write a first mapping for a file and say what to look at. 0 written."""
    from madang.ingest.propose import propose as propose_mapping

    made = propose_mapping(settings, file, source, out)
    rows = [
        (
            column.name,
            column.guess.header,
            column.guess.type,
            "required" if column.required else "",
            "personal" if column.guess.pii else "",
        )
        for column in made.columns
    ]
    ui.table(f"Mapping of {shown(file.name)}", ("column", "header", "type", "", ""), rows)
    ui.line(f"wrote {made.path}")
    ui.line(f"As proposed, {made.loadable:,} of {made.rows:,} rows would load.")
    for finding in made.findings:
        ui.line(f"  look at: {finding}")
    inbox = settings.paths.inbox / made.source
    ui.summary(
        "Next",
        [
            ("1", "read the mapping and its comments, and correct it"),
            ("2", "madang check"),
            ("3", f"put the file into {inbox}, and madang load"),
        ],
    )
    return OK


# Views on the ledger: what was sent just now is in them before the next build.
FOLLOWS_THE_LEDGER = dict.fromkeys(
    ("sync_results", "sync_health", "sync_waterfall", "audience_history", "match_quality"), "marts"
)


def plan(settings: Settings, sync: str | None = None, only_due: bool = False) -> int:
    """Make and show plans. 0, or 1 when a guard would stop one.

    `only_due`: without the syncs whose cadence says that they are not due yet.
    """
    from madang.sync.cadence import not_due
    from madang.sync.plan import has_place, make_plan
    from madang.sync.spec import load_specs

    with open_warehouse(settings) as warehouse:
        skipped = not_due(settings, warehouse) if only_due else {}
        plans = make_plan(settings, warehouse, sync, but=skipped)
    for why in skipped.values():
        ui.line(why)
    for made in plans:
        show_plan(made)
    for spec in load_specs(settings.project_dir) if sync is None else ():
        if not has_place(settings, spec):
            ui.line(
                f"{spec.name} is not planned: madang.yml names no destination {spec.destination}."
            )
    if not plans and not skipped:
        ui.line("No sync is declared: add an exposure with config.meta.sync.")
    return FAILED if any(made.status == "guarded" for made in plans) else OK


def sync(
    settings: Settings, apply: bool = False, plan_id: str | None = None, force: bool = False
) -> int:
    """Show the open plans, or send them. The worst exit code of the runs: 0, 1 or 3.

    Of all plans those are sent whose sync is due; a named one is sent in any case.
    """
    from madang.erase.erase import settle_all
    from madang.ingest import load_received
    from madang.sync import deletions
    from madang.sync.cadence import not_due
    from madang.sync.engine import apply_plan, open_plans
    from madang.sync.now import RowsNow
    from madang.sync.plan import read_plan
    from madang.sync.spec import load_specs

    waiting = deletions.waiting(settings)
    if waiting:
        rows = [(one.destination, one.erasure_id, one.keys) for one in waiting]
        ui.table("Deletions of erased people", ("destination", "erasure", "keys"), rows)
    codes = [settle_all(settings), poll(settings, is_quiet=True)] if apply else []
    if plan_id is not None:
        plan_ids: list[str] = [plan_id]
    else:
        with open_warehouse(settings) as warehouse:
            plan_ids = open_plans(settings, warehouse)
            skipped = not_due(settings, warehouse) if apply else {}
        syncs = {name: read_plan(settings, name).sync for name in plan_ids}
        not_now = [name for name in plan_ids if syncs[name] in skipped]
        for name in not_now:
            ui.line(f"{skipped[syncs[name]]} To send it now: madang sync --apply --plan {name}")
        plan_ids = [name for name in plan_ids if name not in not_now]
        if not_now and not plan_ids:
            return max(codes, default=OK)
    if not plan_ids:
        ui.line("Nothing is waiting to be sent: every plan was applied, or none was made.")
        ui.line("Make a new one with 'madang plan'.")
        return max(codes, default=OK)
    if not apply:
        for name in plan_ids:
            show_plan(read_plan(settings, name))
        ui.line("Nothing was sent. Send with 'madang sync --apply'.")
        return OK
    with open_warehouse(settings) as warehouse:  # a withdrawal may be in it
        load_received(settings, warehouse)
    sent = {read_plan(settings, name).sync for name in plan_ids}
    asker = RowsNow([spec for spec in load_specs(settings.project_dir) if spec.name in sent])
    for name in plan_ids:
        try:
            chosen = labels.labelled(sync=read_plan(settings, name).sync)
            with chosen, ui.progress("Sending") as step:
                result = apply_plan(
                    settings,
                    lambda: open_warehouse(settings),
                    name,
                    step,
                    allow_guards=force,
                    asker=asker,
                )
        except MadangError as error:
            if getattr(error, "result", None) is not None:
                show_run(error.result)
            raise
        show_run(result)
        codes.append(result.exit_code)
    with open_warehouse(settings) as warehouse:
        publish_tables(settings, warehouse, FOLLOWS_THE_LEDGER)
    return max(codes, key=(OK, PARTIAL, FAILED).index)


def poll(settings: Settings, is_quiet: bool = False) -> int:
    """Ask destinations that answer later what became of what they took. 0, or 3 where some failed.

    `is_quiet`: says nothing where there is nothing to ask about.
    """
    from madang.sync.later import ask

    told = ask(settings, lambda: open_warehouse(settings))
    if not told and not is_quiet:
        ui.line("Nothing is waiting for an answer.")
    found: dict[tuple[str, str, str], int] = {}
    for one in told:
        key = (one.asked.destination, one.status, one.problem or "")
        found[key] = found.get(key, 0) + 1
    for (destination, status, problem), batches in found.items():
        why = f": {problem}" if problem else ""
        ui.line(f"{destination}: {batches:,} batches {status}{why}")
    if told and not is_quiet:
        with open_warehouse(settings) as warehouse:
            publish_tables(settings, warehouse, FOLLOWS_THE_LEDGER)
    failed = {"partial", "failed", "unknown"}
    return PARTIAL if any(one.status in failed for one in told) else OK


def report(settings: Settings) -> Path:
    """Render the page. Raises ReportError when the extra is missing."""
    from madang.reports import render

    with ui.progress("Rendering") as step:
        return render(settings, on_step=step)


def run_all(settings: Settings, apply: bool = False, force: bool = False) -> int:
    """Pull, load, check, build, plan, send with `apply`, report; stop at what spoils the rest.

    Rows and days that were left out and a tool that does not answer (exit code 3) do not stop it;
    mistakes in the YAML and failed models do.
    """
    codes = [pull_if_configured(settings), _load_if_any(settings), build(settings)]
    if WRONG in codes:
        return WRONG
    codes.append(plan(settings, only_due=True))
    if apply:
        codes.append(sync(settings, apply=True, force=force))
    ui.line(f"Page: {report(settings)}")
    return next((code for code in (FAILED, PARTIAL) if code in codes), OK)


def show_plan(made: object) -> None:
    """Show one plan: counts by field, who is held back and why, and the guards."""
    rows = [
        (field, counts.added, counts.changed, counts.removed, counts.unchanged)
        for field, counts in made.by_field.items()
    ]
    columns = ("field", "add", "change", "remove", "unchanged")
    ui.table(f"Plan {made.plan_id}: {made.sync} → {made.destination}", columns, rows)
    ui.line(f"  made at {ui.moment(made.created_at)}, as of {ui.moment(made.as_of)}")
    if made.held_back:
        held = list(made.held_back.items())
        ui.table("Held back", ("reason", "persons"), held)
    for warning, keys in made.warnings.items():
        ui.line(f"  {keys:,} keys to send with a warning: {warning}", "yellow")
    for notice in made.notices:
        ui.line(f"  {notice}", "yellow")
    if made.unknown:
        ui.line(
            f"  {made.unknown:,} sent before may have arrived or not; they are not sent again",
            "yellow",
        )
    if made.refused:
        ui.line(
            f"  {made.refused:,} were taken before and rejected later; they are not sent again",
            "yellow",
        )
    for guard in made.guards:
        ui.line(f"  stopped by a guard: {guard.message}", "yellow")
    if made.is_empty:
        ui.line("  nothing to send: the destination has what it should have")
    else:
        ui.line(f"  {made.total.planned:,} values of {made.objects:,} objects to send")
    if made.forecast:
        ui.line(f"  about {made.forecast}")


def show_run(result: object) -> None:
    """Show what a run sent."""
    rows = [
        ("status", result.status + (" (resumed)" if result.is_resumed else "")),
        ("values", f"{result.planned:,} planned, {result.accepted:,} accepted"),
        ("requests", f"{result.requests:,} in {result.batches:,} batches, {result.seconds:.1f} s"),
    ]
    rows += [(f"skipped, {why}", f"{n:,}") for why, n in result.skipped_by_reason.items()]
    rows += [(f"rejected, {why}", f"{n:,}") for why, n in result.rejected_by_problem.items()]
    rows += [
        (f"list {name} was deleted there", f"the next plan adds its {n:,} members again")
        for name, n in result.gone.items()
    ]
    if result.unknown:
        rows.append(("unknown", f"{result.unknown:,} left, and what became of them is not known"))
    if result.note:
        rows.append(("note", result.note))
    ui.summary(f"Sync {result.sync} → {result.destination}", rows)


def _load_if_any(settings: Settings) -> int:
    """Load the inbox; an inbox without files and calls is no failure of a whole run."""
    from madang.ingest.calls.drain import has_waiting

    inbox = settings.paths.inbox
    if has_waiting(settings) or (
        inbox.is_dir() and any(path.is_file() for path in inbox.rglob("*"))
    ):
        return load(settings)
    ui.line(f"Nothing to load: no files in {inbox}")
    return OK
