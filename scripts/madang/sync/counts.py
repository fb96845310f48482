"""Counts what a plan is to do by audience and channel, so that the ledger keeps it for ever.

Rows of the ledger that hold keys are taken out by an erasure; these hold none. What each count
means stands in the columns of `sync_plan_counts`; how they follow from each other in the marts.
"""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

from madang.settings.workspace import Settings
from madang.sync import diff, files
from madang.sync.clock import stamp
from madang.warehouse import Warehouse, WarehouseError

FRESHNESS = "source_freshness"
WATERFALL = "audience_waterfall"
AT_THE_START = ("candidates", "members")  # steps of the waterfall that come before a sync


def of_plan(
    settings: Settings, warehouse: Warehouse, relation: str, rows: Path
) -> Iterator[dict[str, Any]]:
    """Yield a plan's counts: audience, channel, outcome, reason, persons, row_count, rule_version.

    `relation` is a model with the column `audience`, `rows` the planned rows. Nothing is yielded of
    audiences that a project counts no waterfall of, save what is planned of them.
    """
    counted = diff.by_audience(warehouse, relation)
    with files.scratch(settings) as (connection, _):
        planned = connection.execute(
            f"""
            select audience, channel, operation, count(*)
            from read_parquet({files.text(rows)}) where audience is not null
            group by all order by all
            """
        ).fetchall()
    names = ("audience", "channel", "outcome", "row_count")
    counted += [dict(zip(names, row, strict=True)) for row in planned]
    yield from counted
    audiences = {row["audience"] for row in counted}
    if audiences and warehouse.exists("marts", WATERFALL):
        steps = warehouse.fetch(f"select * from {warehouse.relation('marts', WATERFALL)}")
        for row in steps:
            if row["step"] in AT_THE_START and row["audience"] in audiences:
                yield {
                    "audience": row["audience"],
                    "outcome": row["step"],
                    "persons": row["subjects"],
                    "rule_version": row.get("rule_version"),  # not in what an old version built
                }


def crm_as_of(warehouse: Warehouse) -> str | None:
    """Return when the newest customers of the CRM were loaded; None where none ever were."""
    if not warehouse.exists("marts", FRESHNESS):
        return None
    relation = warehouse.relation("marts", FRESHNESS)
    try:
        (row,) = warehouse.fetch(
            f"select max(last_loaded_at) as loaded_at from {relation} where is_crm"
        )
    except WarehouseError:
        return None  # another project's table, or one that an earlier version built
    return stamp(row["loaded_at"].replace(tzinfo=UTC)) if row["loaded_at"] else None
