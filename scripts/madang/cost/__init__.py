"""What a daily run reads on BigQuery, model by model, before it is run; and the budget for it.

On BigQuery, BigQuery itself is asked (`dry_runs`). On DuckDB, where reading costs nothing, what it
would be on BigQuery is worked out from the tables that are there (`forecast`).
"""

from madang.cost.bill import (
    LEAST,
    MIB,
    TIB,
    CostError,
    CostReport,
    NodeCost,
    as_json,
    billed,
    show,
    size,
)
from madang.cost.dry_runs import estimate, require_budget
from madang.cost.forecast import Forecast, Volume, forecast, volume_of
from madang.settings.workspace import Settings

__all__ = [
    "LEAST",
    "MIB",
    "TIB",
    "CostError",
    "CostReport",
    "Forecast",
    "NodeCost",
    "Volume",
    "as_json",
    "billed",
    "estimate",
    "forecast",
    "report",
    "require_budget",
    "show",
    "size",
    "volume_of",
]


def report(
    settings: Settings, events: str | None = None, months: float | None = None
) -> CostReport:
    """Return what a daily run reads: as BigQuery says, or on DuckDB as it would be there.

    `events` is a number of events a month in words (10M). Raises UsageError for one that is none,
    and for another volume than there is on BigQuery; WarehouseError.
    """
    volume = volume_of(events) if events else None
    if settings.warehouse.type == "bigquery" and volume is None and months is None:
        return estimate(settings)
    found = forecast(settings)
    here = found.export.volume
    return found.report(Volume(volume or here.events_per_month, months or here.months))
