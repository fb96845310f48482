"""Finds out before a build which nodes cannot have changed since the last whole, good one.

What such a build was made of is noted in the ledger (`whole_builds`): the rules, each source table,
the files of the export, and which nodes hang on the run's clock. The next build reads the note and
leaves out what nothing of this can have changed. Every run of dbt takes the note away as it starts
(macros/whole_builds.sql), so that after plain dbt, a selection, or a run that failed or was killed
there is none, and everything is looked at.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from madang import times
from madang.build.dbt import FAILED, DbtResult, parse
from madang.build.unchanged_graph import MOMENT, UNTIL_HAPPENED, Graph, Moved
from madang.build.unchanged_inputs import (
    EMPTY,
    Table,
    export_made_of,
    project_made_of,
    relations_there,
    tables_made_of,
)
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse, WarehouseError, open_warehouse

NOTE = "whole_builds"
FORM = 4  # of the note


@dataclass
class Look:
    """What was there before a build, and what of it is to be built.

    `chosen` are unique ids of nodes; None stands for all. `left` is how many are left as they are
    since `since`. `manifest` may be handed to dbt once. `day` is the clock's as the build begins: a
    build that ends after midnight is one of the day before. `why` says why a node is built;
    `why_all`, why all are.
    """

    manifest: Any = None
    chosen: frozenset[str] | None = None
    left: int = 0
    since: datetime | None = None
    graph: Graph | None = None
    day: str = ""
    why: dict[str, str] = field(default_factory=dict)
    why_all: str = ""
    made_of: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, Any] = field(default_factory=dict)

    def selection(self) -> list[str]:
        """Return the arguments that make dbt run what is to be built, and nothing else."""
        if self.chosen is None or self.graph is None:
            return []
        chosen = self.graph.selectors(self.chosen)
        return ["--select", *chosen, "--indirect-selection", "empty"]

    def names_left(self) -> frozenset[str]:
        """Return the names of the tables and views that are left as they are."""
        if self.chosen is None or self.graph is None:
            return frozenset()
        left = self.graph.nodes.keys() - self.chosen
        return frozenset(name for _, name in self.graph.relations(left))


def look(settings: Settings, damaged: Iterable[Path] = (), *, at_all: bool = False) -> Look:
    """Look at what a build would be made of; with `at_all`, nothing is left out.

    Without an earlier note, and where anything cannot be told, nothing is left out either.
    """
    manifest = parse(settings)
    if manifest is None:  # dbt will say why
        return Look()
    graph = Graph(manifest)
    day = times.day(settings.now(), settings.timezone)
    seen = Look(manifest, graph=graph, day=day)
    try:
        with open_warehouse(settings) as warehouse:
            earlier = {} if at_all else _noted(warehouse)
            seen.made_of = _made_of(settings, warehouse, manifest, graph, damaged)
            chosen = _chosen(settings, warehouse, seen, earlier)
            if at_all:
                seen.why_all = "everything was asked for"
            elif isinstance(chosen, str):
                seen.why_all = chosen
            elif not _are_there(settings, warehouse, graph, chosen.keys()):
                seen.why_all = "a table is missing"
            else:
                seen.chosen, seen.why = frozenset(chosen), chosen
                seen.earlier = earlier
                seen.left = len(graph.nodes) - len(chosen)
                seen.since = datetime.fromisoformat(earlier["ended_at"])
    except (WarehouseError, OSError):  # not known then; dbt will meet it too, and say so
        return Look(manifest)
    return seen


def remember(settings: Settings, seen: Look, result: DbtResult) -> bool:
    """Note what a build was made of that has just ended; return whether it was a whole one."""
    if not seen.made_of or seen.made_of["project"] is None or seen.graph is None:
        return False
    graph = seen.graph
    ran = {node.unique_id: node for node in result.nodes if node.status != "skipped"}
    if result.failed or not is_complete(seen, result):
        return False
    moment = settings.now()
    noted = seen.earlier.get("happened", {})
    happened = {key: noted[key] for key in graph.nodes if key in noted and key not in ran}
    restless = {key for key in seen.earlier.get("restless", ()) if key in graph.nodes.keys() - ran}
    moments = _texts_of(moment, datetime.now(UTC))
    for key in ran.keys() & graph.nodes.keys():
        compiled = ran[key].compiled
        if graph.has_tag(key, UNTIL_HAPPENED) and compiled and not MOMENT.search(compiled):
            happened[key] = moment.isoformat()
        if graph.is_restless(key, compiled, moments):
            restless.add(key)
    note = {
        **seen.made_of,
        "form": FORM,
        "clock": _pinned(settings),
        "clock_day": seen.day,
        "happened": happened,
        "restless": sorted(restless),
        "warned": sorted(key for key, node in ran.items() if node.status == "warn"),
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        with open_warehouse(settings) as warehouse:
            note["ledgers"] = _made_of_ledgers(settings, warehouse, graph)
            text = warehouse.dialect.literal(json.dumps(note, sort_keys=True))
            warehouse.execute(
                f"create or replace table {warehouse.relation('ledger', NOTE)} as "
                f"select {text} as made_of"
            )
    except WarehouseError:  # the build is good all the same, and the next one builds everything
        return False
    return True


def _pinned(settings: Settings) -> str | None:
    """Return the clock that the workspace is pinned to; None where it goes by the real one."""
    return settings.as_of and settings.now().isoformat()


def _texts_of(clock: datetime, started: datetime) -> list[str]:
    """Return a run's moments as compiled SQL has them: the clock, and the day of its start."""
    return [f"{clock.astimezone(UTC):%Y-%m-%dT%H:%M:%S}", f"{started:%Y-%m-%d}"]


def is_complete(seen: Look, result: DbtResult) -> bool:
    """Say whether every node ran that was to be built."""
    if seen.graph is None:
        return False
    nodes = seen.graph.nodes
    wanted = seen.chosen if seen.chosen is not None else nodes.keys()
    ran = {node.unique_id for node in result.nodes if node.status not in {"skipped", *FAILED}}
    return {key for key in wanted if nodes[key].config.materialized != "ephemeral"} <= ran


def forget(warehouse: Warehouse) -> None:
    """Take the note away: the next build looks at everything."""
    if warehouse.exists("ledger", NOTE):
        warehouse.execute(f"drop table {warehouse.relation('ledger', NOTE)}")


def _noted(warehouse: Warehouse) -> dict[str, Any]:
    if not warehouse.exists("ledger", NOTE):
        return {}
    rows = warehouse.fetch(f"select made_of from {warehouse.relation('ledger', NOTE)}")
    try:
        note = json.loads(rows[0]["made_of"]) if len(rows) == 1 else {}
    except (ValueError, TypeError):
        return {}
    return note if isinstance(note, dict) and note.get("form") == FORM else {}


def _made_of(
    settings: Settings,
    warehouse: Warehouse,
    manifest: Any,
    graph: Graph,
    damaged: Iterable[Path],
) -> dict[str, Any]:
    erased = (settings.schema_of("ledger"), "erased_identifiers")
    sources = {key: _table(graph.sources[key]) for key in graph.sources_read()}
    tables = tables_made_of(settings, warehouse, {erased, *sources.values()})
    return {
        "project": project_made_of(settings, manifest, damaged),
        "export": export_made_of(settings, warehouse),
        "erased": tables.get(erased),
        "sources": {
            key: tables[table]
            for key, table in sources.items()
            if table in tables and graph.sources[key].source_name != "builds"
        },
    }


def _made_of_ledgers(
    settings: Settings, warehouse: Warehouse, graph: Graph
) -> dict[str, str] | None:
    """What the ledgers hold that dbt's models write: another hand there, and nothing is known."""
    keys = [key for key, source in graph.sources.items() if source.source_name == "builds"]
    tables = {key: _table(graph.sources[key]) for key in keys}
    found = tables_made_of(settings, warehouse, tables.values())
    if any(table not in found for table in tables.values()):
        return None
    return {key: found[table] for key, table in tables.items()}


def _chosen(
    settings: Settings,
    warehouse: Warehouse,
    seen: Look,
    earlier: dict[str, Any],
) -> dict[str, str] | str:
    """The nodes to build and why each; a text that says why all of them are."""
    assert seen.graph is not None
    graph, now = seen.graph, seen.made_of
    if not earlier:
        return "no whole build came before, or something else ran since"
    for name, told in (("project", "the rules changed"), ("erased", "people were erased")):
        if now[name] is None or now[name] != earlier.get(name):
            return told
    if now["export"] is None or earlier.get("export") is None:
        return "what the export is made of is not known"
    ledgers = earlier.get("ledgers")
    if ledgers is None or ledgers != _made_of_ledgers(settings, warehouse, graph):
        return "somebody else wrote the ledgers of builds"
    sources = {
        key
        for key in graph.sources_read()
        if graph.sources[key].source_name not in ("builds", "ga4")
        and (key not in now["sources"] or now["sources"][key] != earlier["sources"].get(key))
    }
    if sources and now["erased"] != EMPTY:
        return "rows came after an erasure"  # they may make others go, of any landed table
    moment = settings.now()
    happened = {
        key for key, then in earlier["happened"].items() if moment >= datetime.fromisoformat(then)
    }
    return graph.to_build(
        Moved(
            sources=sources,
            export=now["export"] != earlier["export"],
            clock=earlier["clock"] != _pinned(settings) or settings.as_of is None,
            day=earlier["clock_day"] != seen.day,
            happened=happened,
            restless=set(earlier["restless"]),
            warned=set(earlier["warned"]),
        )
    )


def _are_there(settings: Settings, warehouse: Warehouse, graph: Graph, chosen: set[str]) -> bool:
    """Whether everything is there that is left as it is."""
    left = graph.relations(graph.nodes.keys() - chosen)
    return left <= relations_there(settings, warehouse, left)


def _table(source: Any) -> Table:
    return source.schema, source.identifier
