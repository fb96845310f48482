"""The work behind check and build: check the rules, build what can have changed, publish."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from madang import times, ui
from madang.build.dbt import BuildError, DbtResult, Node, OnNode, parse, run_dbt
from madang.build.export import left_out, missing
from madang.build.export_damage import known_damage, new_damage
from madang.build.failing_rows import failing_rows
from madang.build.occurring import tell_names
from madang.build.publish import publish_tables, published_tables, remove_others
from madang.build.unchanged import Look, is_complete, look, remember
from madang.cost import require_budget
from madang.errors import ConfigError, Problem
from madang.settings.secrets import secret_names
from madang.settings.workspace import Settings, find_config, project_near
from madang.warehouse import open_warehouse

if TYPE_CHECKING:
    from madang.specs.check import Checked

OK, FAILED, WRONG, PARTIAL = 0, 1, 2, 3
SLOWEST = 5  # tables of a build that are named with their seconds


def check(settings: Settings) -> int:
    """Check all YAML offline, and hold its names to those that occurred, where data is there.

    0 sound, 2 with problems. A name that did not occur is a warning.
    """
    checked = _check(settings)
    if checked.problems:
        return WRONG
    tell_names(settings, checked.asked)
    return OK


def _check(settings: Settings) -> "Checked":
    """Check all YAML offline and tell what is wrong."""
    from madang.specs.check import check_project

    checked = check_project(settings.project_dir, secret_names(settings))
    _tell(checked.problems)
    counts = (
        f"{len(checked.actions)} actions, {len(checked.audiences)} audiences, "
        f"{len(checked.funnels)} funnels, {checked.sources} sources, {checked.syncs} syncs"
    )
    for note in checked.notes:
        ui.line(note, "yellow")
    if checked.problems:
        found = len(checked.problems)
        ui.line(f"{found} {'problem' if found == 1 else 'problems'} in {counts}.")
    else:
        ui.line(f"Checked {counts}: no problems.")
    return checked


def check_beside(error: ConfigError, config: Path | None) -> int:
    """Tell what is wrong with madang.yml, and with the project that it seems to be for; return 2.

    Raises the error where there is no madang.yml.
    """
    from madang.specs.check import check_project

    if not error.problems:
        raise error
    project = project_near(find_config(config))
    problems = [*error.problems, *(check_project(project).problems if project else ())]
    _tell(problems)
    ui.line(f"{len(problems)} problems.")
    return WRONG


def _tell(problems: Sequence[Problem]) -> None:
    for problem in problems:
        ui.line(f"{problem.where}: {problem.message}", "red")
        if problem.fix:
            ui.line(f"    {problem.fix}")


def build(
    settings: Settings,
    select: Sequence[str] = (),
    full_refresh: bool = False,
    over_budget: bool = False,
    everything: bool = False,
) -> int:
    """Check the rules, build the models and publish what is for BI tools.

    What cannot have changed since the last whole, good build is left as it is, unless
    `everything`, `full_refresh` or a selection is wanted; see unchanged.py.

    0 all well, 2 with problems in the rules (nothing is built then), 3 where a test warned or files
    of the GA4 export were left out. Without a GA4 export its tables are empty. Raises CostError
    where BigQuery would read more than the budget, unless `over_budget`; BuildError when a node
    fails.

    Unit tests hold the rules to made-up rows, which no run of real data can change: they are left
    to `dbt build` and the project's tests.
    """
    checked = _check(settings)
    if checked.problems:
        return WRONG
    if not over_budget:
        require_budget(settings, select)
    started = monotonic()
    args = ["build", "--exclude-resource-type", "unit_test"]
    args += ["--select", *select] if select else []
    args += ["--full-refresh"] if full_refresh else []
    with ui.progress("Building") as step:

        def on_node(name: str, done: int, total: int | None) -> None:
            step.total = total
            step(name)

        seen, result = _build_what_changed(
            settings, args, on_node, at_all=everything or full_refresh, is_part=bool(select)
        )
    with open_warehouse(settings) as warehouse:
        tables = published_tables(seen.manifest)
        published = publish_tables(
            settings, warehouse, tables, unless_there=seen.names_left(), manifest=seen.manifest
        )
        remove_others(settings, tables)
        shards = left_out(settings, warehouse)
    if not select and not shards:
        remember(settings, seen, result)
    counts = ", ".join(f"{count} {status}" for status, count in sorted(result.by_status().items()))
    told = f"Built in {monotonic() - started:.1f} s: {counts or 'nothing to build'}"
    if seen.left and seen.since:
        told += f"; {seen.left} nodes left as they are: nothing that they are made of has changed "
        told += f"since {times.told(seen.since, settings.timezone)}"
    ui.line(f"{told}.")
    if slowest := _slowest(seen, result):
        ui.line(slowest)
    for node in result.warned:
        ui.line(f"  warning: {node.kind} {node.name}: {node.message}", "yellow")
        for told in failing_rows(settings, node):
            ui.line(f"    {told}", "yellow")
    for shard in shards:
        ui.line(f"  {shard}", "yellow")
    tell_names(settings, checked.asked)
    if not shards and (why := missing(settings)):
        ui.line(f"  built from files alone, without a GA4 export: {why}")
    ui.line(f"Published {len(published.rows)} tables as Parquet in {published.folder}")
    return PARTIAL if result.warned or shards else OK


def _slowest(seen: Look, result: DbtResult) -> str:
    """The tables that took longest, and why they were built at all."""
    models = sorted((node for node in result.nodes if node.kind == "model"), key=_seconds)[
        -SLOWEST:
    ]
    told = []
    for node in reversed(models):
        why = f" ({seen.why[node.unique_id]})" if node.unique_id in seen.why else ""
        told.append(f"{node.name} {node.seconds:.1f} s{why}")
    why = f"; all were built: {seen.why_all}" if seen.why_all else ""
    return f"Longest: {', '.join(told)}{why}." if told else ""


def _seconds(node: Node) -> float:
    return node.seconds


def _build_what_changed(
    settings: Settings, args: Sequence[str], on_node: OnNode, *, at_all: bool, is_part: bool
) -> tuple[Look, DbtResult]:
    """Run dbt for what may have changed; for everything where that is not known.

    Files of the export that make it fail are left out of a second run, which builds everything.
    """
    damaged = known_damage(settings)
    seen = Look(parse(settings)) if is_part else look(settings, damaged, at_all=at_all)
    if seen.chosen is not None and not seen.chosen:
        return seen, DbtResult()
    try:
        chosen = [*args, *seen.selection()]
        result = run_dbt(settings, chosen, on_node=on_node, damaged=damaged, manifest=seen.manifest)
        if seen.chosen is None or is_complete(seen, result):
            return seen, result
    except BuildError as error:
        found = new_damage(settings, error.failed, damaged)
        if not found:
            raise
        damaged |= found
    return Look(seen.manifest), _run_without_damage(settings, args, on_node, damaged)


def _run_without_damage(
    settings: Settings, args: Sequence[str], on_node: OnNode, damaged: dict[Path, str]
) -> DbtResult:
    """Run dbt; again without the files of the export that made it fail, where that is the cause."""
    while True:
        try:
            return run_dbt(settings, args, on_node=on_node, damaged=damaged)
        except BuildError as error:
            found = new_damage(settings, error.failed, damaged)
            if not found:
                raise
            damaged |= found
