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

from madang.build.beside import SCRATCH, build_beside, drop, move, parsed, scratch
from madang.build.unchanged_graph import kind_of
from madang.people.decisions import COLUMNS, Decision
from madang.settings.workspace import Settings
from madang.sync.spec import load_specs
from madang.warehouse import Warehouse, open_warehouse

SEED = "identity_decisions"
AT_ONCE = 100  # rows in one statement
#: The models that the difference is read from, beside those that are sent.
WANTED = ("identity_map", "activities", "audience_members")


@contextmanager
def what_if(settings: Settings, decided: Sequence[Decision]) -> Iterator[Warehouse]:
    """Give the warehouse while it holds the tables as the decisions make them; see `scratch`.

    Raises BuildError where the decisions cannot be built, such as where they contradict each other.
    """
    manifest = parsed(settings)
    try:
        with open_warehouse(settings) as warehouse:
            drop(warehouse)
            _write_decisions(warehouse, decided)
            chosen = _changed(settings, manifest, _kinds_not_built(warehouse, decided))
        move(settings, manifest, {_seed(manifest)})
        build_beside(settings, manifest, chosen, "What if")
        with open_warehouse(settings) as warehouse:
            yield warehouse
    finally:
        with open_warehouse(settings) as warehouse:
            drop(warehouse)


def _seed(manifest: Any) -> str:
    return next(key for key, node in manifest.nodes.items() if node.name == SEED)


def _changed(settings: Settings, manifest: Any, kinds: Iterable[str]) -> set[str]:
    """Return the models that these kinds of decisions change, of those that are shown or sent."""
    models = {node.name: key for key, node in manifest.nodes.items() if kind_of(node) == "model"}
    sent = [one.model for one in load_specs(settings.project_dir)]
    ends = {models[name] for name in (*WANTED, *sent) if name in models}
    readers = manifest.nodes[_seed(manifest)].config.meta["read_by"]
    return _between(manifest, {models[readers[kind]] for kind in kinds}, ends)


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
