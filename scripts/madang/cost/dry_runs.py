"""What a daily run reads, asked of BigQuery, which answers a dry run with bytes, for nothing.

Every model and test is compiled for the run and asked for. On top comes what the dry run of one
statement does not know: the 10 MiB that BigQuery bills at least for each table that a query names,
the rewriting of an incremental model's days, and the rounds of the identity graph.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from madang.cost.bill import CostError, CostReport, NodeCost, billed, size
from madang.cost.compiled import EVENTS, compiled, repeated
from madang.errors import UsageError
from madang.settings.workspace import Settings


def estimate(settings: Settings, *, select: Sequence[str] = (), new_day: bool = True) -> CostReport:
    """Return what the next run reads. With `new_day`, at least the export's latest day is new.

    Raises UsageError where the warehouse is not BigQuery, WarehouseError when it cannot be reached.
    """
    if settings.warehouse.type != "bigquery":
        raise UsageError(
            "Reading this warehouse costs nothing: it is a DuckDB file.",
            where=f"{settings.config_path}, warehouse.type",
            fix="'madang cost' tells what it would cost on BigQuery.",
        )
    from madang.warehouse.bigquery import BigQueryWarehouse

    warehouse = BigQueryWarehouse.open(settings)
    try:
        warehouse.check()
        is_first = not warehouse.exists("staging", "ga4_partitions")
        day = None if is_first or not new_day else _latest_day(settings, warehouse)
        run = compiled(settings, select, day)
        missing = run.missing(warehouse.tables(run.schemas))
        with ThreadPoolExecutor(max(4, settings.warehouse.threads)) as pool:
            costs = list(pool.map(lambda node: _cost(warehouse, node, missing), run.nodes))
        if is_first and any(node["name"] == EVENTS for node in run.nodes):
            costs = [cost for cost in costs if cost.name != EVENTS]
            costs.append(NodeCost(EVENTS, "model", _export_bytes(settings, warehouse), "sizes"))
    finally:
        warehouse.close()
    return CostReport(costs, settings.cost.price_per_tib, settings.cost.daily_budget)


def require_budget(settings: Settings, select: Sequence[str] = ()) -> None:
    """Raise CostError when the run that is about to begin would read more than the budget."""
    if settings.warehouse.type != "bigquery" or settings.cost.daily_budget is None:
        return
    report = estimate(settings, select=select, new_day=False)
    if not report.is_over_budget:
        return
    listed = "".join(
        f"\n  {node.name}: {size(node.bytes)} ({node.basis})" for node in report.largest(5)
    )
    budget = size(settings.cost.daily_budget)
    raise CostError(
        f"This run would read {size(report.bytes)} (USD {report.dollars:,.2f}); the daily budget "
        f"is {budget}. Nothing was built. The largest:{listed}",
        where=f"{settings.config_path}, cost.daily_budget",
        fix="Read fewer days (ga4.start_date), raise the budget, or build once with --over-budget.",
    )


def _cost(warehouse: Any, node: Mapping[str, Any], missing: set[str]) -> NodeCost:
    name, kind = node["name"], node["resource_type"]
    materialized = node["config"].get("materialized")
    if kind == "model" and materialized in ("view", "ephemeral"):
        return NodeCost(name, kind, 0)
    if missing.intersection(node["depends_on"]["nodes"]):
        return NodeCost(name, kind, 0, "not built")
    processed, tables = warehouse.dry_run(node["compiled_code"])
    again, statements = repeated(node)
    if materialized == "incremental":
        processed += _rewritten(warehouse, node)
    return NodeCost(name, kind, billed(processed * (1 + again), tables, statements))


def _rewritten(warehouse: Any, node: Mapping[str, Any]) -> int:
    """Bytes of what is there already that putting new rows in place reads.

    The whole table, for a statement may go through all of it; nothing where partitions are copied.
    """
    if (node["config"].get("partition_by") or {}).get("copy_partitions"):
        return 0
    held = warehouse.size_of(node["schema"], node["alias"])
    return held[0] if held else 0


def _latest_day(settings: Settings, warehouse: Any) -> str | None:
    partitions = warehouse.relation("staging", "ga4_partitions")
    found = warehouse.fetch(
        f"select cast(max(event_date) as string) as day from {partitions} "
        "where shard_kind = 'daily'"
    )
    return found[0]["day"]


def _export_bytes(settings: Settings, warehouse: Any) -> int:
    """The sizes of the shards that a first build would read: more than it reads, never less."""
    first = settings.ga4.start_date
    bound = f"and substr(table_id, -8) >= '{first:%Y%m%d}'" if first else ""
    lists = [
        f"select size_bytes from `{one.project}`.`{one.dataset}`.`__TABLES__` "
        f"where starts_with(table_id, '{one.shard_prefix}') {bound}"
        for one in settings.ga4_properties()
        if one.dataset
    ]
    if not lists:  # without an export
        return 0
    found = warehouse.fetch(
        f"select coalesce(sum(size_bytes), 0) as bytes from ({' union all '.join(lists)})"
    )
    return billed(int(found[0]["bytes"]), 1)
