"""About how many people a platform counts on its lists, for the ledger.

A platform works for hours on what it took. So a run asks, before it sends, about what the runs
before it sent.
"""

from typing import TYPE_CHECKING

from madang.settings.workspace import Settings
from madang.sync import ledger
from madang.sync.clock import new_id, stamp, utc_now
from madang.sync.destinations.base import CountsLists
from madang.sync.later import TABLE, WarehouseOpener

if TYPE_CHECKING:
    from madang.sync.plan import Plan


def keep(
    settings: Settings, opener: WarehouseOpener, destination: CountsLists, plan: "Plan"
) -> None:
    """Ask for the sizes of the lists that the ledger has members on; keep what is said.

    Must be called under the journal's lock. Raises what `sizes` raises.
    """
    held = [field for field, counts in plan.by_field.items() if counts.delivered]
    sizes = destination.sizes(held) if held else {}
    if not sizes:
        return
    now = utc_now()
    about = {"run_id": f"{new_id(now)}-size", "sync": plan.sync, "asked_at": stamp(now)}
    rows = [
        {
            **about,
            "batch_no": number,
            "status": "counted",
            "audience": name,
            "people_low": low,
            "people_high": high,
        }
        for number, (name, (low, high)) in enumerate(sorted(sizes.items()), start=1)
    ]
    with opener() as warehouse:
        ledger.append(settings, warehouse, TABLE, rows)
