"""The statements of a run, compiled and not run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from madang.build.dbt import run_dbt
from madang.cost.bill import KINDS
from madang.settings.workspace import Settings

EVENTS = "base_ga4__events"
EXPORT = (".ga4.events", ".ga4.shards")  # the GA4 source: tables that dbt cannot look up by name
# Materializations of more than one statement: how often what the first one reads is read again in
# the smaller and smaller tables that follow, and how many statements there are.
ROUNDS = {
    "connected_components": (6, 40),
    "markov_fits": (1, 40),
    "never_link_cuts": (2, 20),
    "days_when_changed": (0, 6),
}
Node = Mapping[str, Any]
Relation = tuple[str, str]  # schema, table


@dataclass(frozen=True)
class Compiled:
    """What dbt compiled: the nodes of a run with the SQL that they would run, and all others."""

    manifest: Mapping[str, Any]
    chosen: frozenset[str]

    @cached_property
    def nodes(self) -> list[Node]:
        """The models, tests and snapshots of the run."""
        return [
            node
            for name, node in self.manifest["nodes"].items()
            if name in self.chosen and node["resource_type"] in KINDS and node.get("compiled_code")
        ]

    @cached_property
    def relations(self) -> dict[Relation, str]:
        """The tables that the project names, with the ids of their nodes."""
        return {
            (node["schema"], node.get("alias") or node.get("identifier")): name
            for name, node in {**self.manifest["nodes"], **self.manifest["sources"]}.items()
            if node["resource_type"] in ("model", "seed", "snapshot", "source")
            and not name.endswith(EXPORT)
        }

    @property
    def schemas(self) -> set[str]:
        return {schema for schema, _ in self.relations}

    def missing(self, built: set[Relation]) -> set[str]:
        """The ids of the nodes whose tables are not there."""
        return {name for relation, name in self.relations.items() if relation not in built}

    def node(self, name: str) -> Node:
        return self.manifest["nodes"].get(name) or self.manifest["sources"][name]

    def reads_from(self, name: str, model: str) -> bool:
        """Say whether a node is the model of that name or built from it, however far."""
        parents, waiting, seen = self.manifest["parent_map"], [name], set()
        while waiting:
            one = waiting.pop()
            if one.startswith("model.") and one.rpartition(".")[2] == model:
                return True
            seen.add(one)
            waiting += [parent for parent in parents.get(one, ()) if parent not in seen]
        return False


def compiled(settings: Settings, select: Sequence[str], day: str | None) -> Compiled:
    """Compile a run, in which `day`, if given, counts as changed. Raises BuildError."""
    target = settings.root / "target" / "cost"
    variables = {"reprocess_start_date": day, "reprocess_end_date": day} if day else {}
    args = ["compile", "--exclude", "resource_type:unit_test"]
    args += ["--select", *select] if select else []
    run_dbt(settings, args, target=target, variables=variables)
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    return Compiled(manifest, frozenset(result["unique_id"] for result in results))


def repeated(node: Node) -> tuple[int, int]:
    """How often what a node reads is read again after the first time, and in how many statements.

    An incremental model asks which days changed, and writes down which it built.
    """
    materialized = node["config"].get("materialized")
    return (0, 3) if materialized == "incremental" else ROUNDS.get(materialized, (0, 1))
