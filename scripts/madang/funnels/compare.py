"""Builds one funnel as each vendor counts it, beside the tables there, and shows who differs.

The models that build funnels build its variants into a schema of their own, which is dropped at the
end. Which variants there are, and what makes a subject differ, is said by SQL
(macros/journeys/funnel_variants.sql, funnel_differences).
"""

from madang import ui
from madang.audiences.look import require
from madang.build.beside import SCRATCH, build_beside, drop, parsed, scratch
from madang.errors import UsageError, did_you_mean
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse, open_warehouse

MODELS = ("funnel_steps", "funnel_entries", "funnel_differences")
OWN = "own"
SHOWN = 20


def compare(settings: Settings, name: str, every: bool = False) -> None:
    """Show a funnel under all presets, and the subjects that a preset counts otherwise.

    Raises UsageError for an unknown funnel, BuildError where the variants cannot be built.
    """
    try:
        _build(settings, name)
        with open_warehouse(settings) as warehouse:
            _show(warehouse, name, every)
    finally:
        with open_warehouse(settings) as warehouse:
            drop(warehouse)


def _build(settings: Settings, name: str) -> None:
    manifest = parsed(settings)
    with open_warehouse(settings) as warehouse:
        require(warehouse, ("activity", "activities"))
        drop(warehouse)
        warehouse.ensure_layer(SCRATCH + "marts")
    funnels = {
        node.name.removeprefix("funnel_"): node
        for node in manifest.nodes.values()
        if node.name.startswith("funnel_") and node.config.meta.get("funnel")
    }
    if name not in funnels:
        raise UsageError(
            f"There is no funnel '{name}'.{did_you_mean(name, funnels)}",
            fix=f"Funnels: {', '.join(sorted(funnels)) or 'none'}.",
        )
    for key, node in funnels.items():
        if key == name:
            node.config.meta["is_compared"] = True
        else:
            del node.config.meta["funnel"]
    chosen = {key for key, node in manifest.nodes.items() if node.name in MODELS}
    build_beside(settings, manifest, chosen, "Compare")


def _show(warehouse: Warehouse, name: str, every: bool) -> None:
    entries = scratch(warehouse, "marts", "funnel_entries")
    differences = scratch(warehouse, "marts", "funnel_differences")
    counted = warehouse.fetch(f"""
        select funnel, count(*) as entries,
            count(case when state = 'converted' then 1 end) as converted
        from {entries} where funnel in ('{OWN}', 'ga4', 'amplitude', 'mixpanel', 'posthog')
        group by funnel order by case when funnel = '{OWN}' then 0 else 1 end, funnel
    """)
    ui.table(
        f"The funnel '{name}' as others count",
        ("counted as", "entries", "converted"),
        [tuple(row.values()) for row in counted],
    )
    rules = warehouse.fetch(f"""
        select preset, made_by, count(*) as subjects from {differences}
        group by preset, made_by order by preset, subjects desc, made_by
    """)
    if not rules:
        ui.line("Every subject comes equally far under all presets.")
        return
    ui.table(
        "Which rule made the difference",
        ("preset", "rule", "subjects"),
        [tuple(row.values()) for row in rules],
    )
    columns = "subject_id, preset, own_step_reached, step_reached, made_by"
    ordered = f"select {columns} from {differences} order by subject_id, preset"
    rows = warehouse.fetch(ordered if every else f"{ordered} limit {SHOWN}")
    ui.table(
        "Who differs",
        ("subject", "preset", "step here", "step there", "rule"),
        [tuple(row.values()) for row in rows],
    )
    total = sum(row["subjects"] for row in rules)
    if len(rows) < total:
        ui.line(f"{total - len(rows)} more; --all shows them.")
