"""Builds what a decision would change, beside the tables that are there, and takes it away again.

The tables that hang on `identity_decisions` are built by their own models into schemas of their own
(`<schema>_whatif_<layer>`), with the decisions as they would be. Every other table is read where it
stands. So what is shown is what a build makes. No hook runs, no test, and no ledger is written.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from madang import ui
from madang.build.builds import builds_of
from madang.build.dbt import BuildError, parse, run_dbt
from madang.build.unchanged_graph import kind_of
from madang.people.decisions import COLUMNS, Decision
from madang.settings.workspace import LAYERS, Settings
from madang.sync.spec import load_specs
from madang.warehouse import Warehouse, open_warehouse

SCRATCH = "whatif_"
SEED = "identity_decisions"
AT_ONCE = 100  # rows in one statement
STALE = "Where the rules have changed since the last build, run 'madang build' first."
#: The models that the difference is read from, beside those that are sent.
WANTED = ("identity_map", "activities", "audience_members")


@contextmanager
def what_if(settings: Settings, decided: Sequence[Decision]) -> Iterator[Warehouse]:
    """Give the warehouse while it holds the tables as the decisions make them; see `scratch`.

    Raises BuildError where the decisions cannot be built, such as where they contradict each other.
    """
    manifest = parse(settings)
    if manifest is None:
        raise BuildError(
            "dbt cannot read the project.",
            where=str(settings.project_dir),
            fix="Run 'madang build': it says why.",
        )
    try:
        with open_warehouse(settings) as warehouse:
            drop(warehouse)
            _write_decisions(warehouse, decided)
            chosen = _moved_into_scratch(settings, manifest, _kinds_not_built(warehouse, decided))
            last = builds_of(warehouse).last
        clock = {"as_of": f"{last.as_of:%Y-%m-%dT%H:%M:%SZ}"} if last else {}
        with ui.progress("What if") as step:

            def on_node(name: str, done: int, total: int | None) -> None:
                step.total = total
                step(name)

            try:
                run_dbt(
                    settings,
                    ["run", "--cache-selected-only", "--select", *chosen],
                    on_node=on_node,
                    target=settings.root / "target" / "whatif",
                    variables=clock,
                    manifest=manifest,
                )
            except BuildError as error:
                error.fix = error.fix or STALE
                raise
        with open_warehouse(settings) as warehouse:
            yield warehouse
    finally:
        with open_warehouse(settings) as warehouse:
            drop(warehouse)


def scratch(warehouse: Warehouse, layer: str, table: str) -> str:
    """Return the name for SQL of a table as the decisions make it."""
    return warehouse.relation(SCRATCH + layer, table)


def drop(warehouse: Warehouse) -> None:
    """Take the scratch schemas away: at the end, and where a run was killed."""
    for layer in LAYERS:
        warehouse.drop_layer(SCRATCH + layer)


def _moved_into_scratch(settings: Settings, manifest: Any, kinds: Iterable[str]) -> list[str]:
    """Have dbt build what these kinds of decisions change into the scratch schemas.

    Returns what selects it. Changes only the manifest: dbt reads no file again for it.
    """
    models = {node.name: key for key, node in manifest.nodes.items() if kind_of(node) == "model"}
    seed = next(key for key, node in manifest.nodes.items() if node.name == SEED)
    sent = [one.model for one in load_specs(settings.project_dir)]
    ends = {models[name] for name in (*WANTED, *sent) if name in models}
    readers = manifest.nodes[seed].config.meta["read_by"]
    chosen = _between(manifest, {models[readers[kind]] for kind in kinds}, ends)
    for key in {seed, *chosen}:
        node = manifest.nodes[key]
        layer = node.schema.removeprefix(settings.schema_of(""))
        node.schema = settings.schema_of(SCRATCH + layer)
        node.relation_name = None
    for key in [key for key, node in manifest.nodes.items() if kind_of(node) == "operation"]:
        del manifest.nodes[key]
    return sorted("fqn:" + ".".join(manifest.nodes[key].fqn) for key in chosen)


def _between(manifest: Any, starts: set[str], ends: set[str]) -> set[str]:
    """Return `starts` and the models that read them, directly or not, of those that `ends` need."""
    reads = {
        key: set(node.depends_on.nodes)
        for key, node in manifest.nodes.items()
        if kind_of(node) == "model"
    }
    needed, waiting = set(), list(ends)
    while waiting:
        key = waiting.pop()
        if key not in needed and key in reads:
            needed.add(key)
            waiting += reads[key]
    found = set(starts)
    while new := {key for key in needed - found if reads[key] & found}:
        found |= new
    return found


def _kinds_not_built(warehouse: Warehouse, decided: Sequence[Decision]) -> set[str]:
    """Return the kinds of decisions that the last build did not have, or had and are gone."""
    built = warehouse.fetch(
        f"select {', '.join(COLUMNS)} from {warehouse.relation('reference', SEED)}"
    )
    before = Counter(tuple(value or "" for value in row.values()) for row in built)
    after = Counter(tuple(asdict(one).values()) for one in decided)
    return {row[0] for row in ((before - after) + (after - before))}


def _write_decisions(warehouse: Warehouse, decided: Sequence[Decision]) -> None:
    """Make the seed's table in the scratch schema, with the columns of the one that is there."""
    warehouse.ensure_layer(SCRATCH + "reference")
    relation = scratch(warehouse, "reference", SEED)
    names, marks = ", ".join(COLUMNS), ", ".join("nullif(?, '')" for _ in COLUMNS)
    there = warehouse.relation("reference", SEED)
    warehouse.execute(f"create table {relation} as select {names} from {there} where 1 = 0")
    for first in range(0, len(decided), AT_ONCE):
        piece = decided[first : first + AT_ONCE]
        rows = ", ".join(f"({marks})" for _ in piece)
        values = [value for one in piece for value in asdict(one).values()]
        warehouse.execute(f"insert into {relation} ({names}) values {rows}", values)
