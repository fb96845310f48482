"""Builds models beside the tables that are there, in schemas of their own, and drops them again.

Every other table is read where it stands, so what is shown is what a build makes. No hook runs, no
test, and no ledger is written.
"""

from collections.abc import Collection
from typing import Any

from madang import ui
from madang.build.builds import builds_of
from madang.build.dbt import BuildError, parse, run_dbt
from madang.build.unchanged_graph import kind_of
from madang.settings.workspace import LAYERS, Settings
from madang.warehouse import Warehouse, open_warehouse

SCRATCH = "whatif_"
HISTORY = "history"  # the schema of models that keep a log, beside the layers
STALE = "Where the rules have changed since the last build, run 'madang build' first."


def parsed(settings: Settings) -> Any:
    """Return dbt's manifest, to be changed for one such build. Raises BuildError without one."""
    manifest = parse(settings)
    if manifest is None:
        raise BuildError(
            "dbt cannot read the project.",
            where=str(settings.project_dir),
            fix="Run 'madang build': it says why.",
        )
    return manifest


def move(settings: Settings, manifest: Any, keys: Collection[str]) -> None:
    """Have the nodes stand in the scratch schemas (`<schema>_whatif_<layer>`) in the manifest."""
    for key in keys:
        node = manifest.nodes[key]
        layer = node.schema.removeprefix(settings.schema_of(""))
        node.schema = settings.schema_of(SCRATCH + layer)
        node.relation_name = None


def build_beside(settings: Settings, manifest: Any, chosen: Collection[str], title: str) -> None:
    """Build the chosen models, by the clock of the last build. Changes only the manifest.

    Raises BuildError where they cannot be built.
    """
    # a history is kept by dbt's snapshots and never made anew: it is read where it stands
    chosen = [key for key in chosen if kind_of(manifest.nodes[key]) != "snapshot"]
    move(settings, manifest, chosen)
    for key in [key for key, node in manifest.nodes.items() if kind_of(node) == "operation"]:
        del manifest.nodes[key]
    manifest.build_flat_graph()
    with open_warehouse(settings) as warehouse:
        last = builds_of(warehouse).last
    clock = {"as_of": f"{last.as_of:%Y-%m-%dT%H:%M:%SZ}"} if last else {}
    selected = sorted("fqn:" + ".".join(manifest.nodes[key].fqn) for key in chosen)
    with ui.progress(title) as step:

        def on_node(name: str, done: int, total: int | None) -> None:
            step.total = total
            step(name)

        try:
            run_dbt(
                settings,
                ["run", "--cache-selected-only", "--select", *selected],
                on_node=on_node,
                target=settings.root / "target" / "whatif",
                variables=clock,
                manifest=manifest,
            )
        except BuildError as error:
            error.fix = error.fix or STALE
            raise


def scratch(warehouse: Warehouse, layer: str, table: str) -> str:
    """Return the name for SQL of a table as it was built beside."""
    return warehouse.relation(SCRATCH + layer, table)


def drop(warehouse: Warehouse) -> None:
    """Take the scratch schemas away: at the end, and where a run was killed."""
    for layer in (*LAYERS, HISTORY):
        warehouse.drop_layer(SCRATCH + layer)
