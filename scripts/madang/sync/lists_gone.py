"""Lists that were deleted at a destination: the ledger forgets who was on them.

Else it would take members for delivered whom the platform does not have, for ever: the list that
the run makes anew would hold only those who came later. What was forgotten, the next plan adds.
"""

import logging
from typing import TYPE_CHECKING

from madang.settings.workspace import Settings
from madang.sync import diff, ledger
from madang.sync.clock import new_id, stamp, utc_now
from madang.sync.destinations.base import KnowsLists
from madang.sync.destinations.registry import object_of
from madang.sync.later import WarehouseOpener
from madang.sync.spec import find_spec, load_specs

if TYPE_CHECKING:
    from madang.sync.plan import Plan

REASON = "list was deleted there"
log = logging.getLogger(__name__)


def forget(
    settings: Settings, opener: WarehouseOpener, destination: KnowsLists, plan: "Plan"
) -> dict[str, int]:
    """Ask for the lists that the ledger has members on; forget the members of those that are gone.

    Returns how many by list. Must be called under the journal's lock. Raises what `missing` raises.
    """
    held = [field for field, counts in plan.by_field.items() if counts.delivered]
    gone = sorted(destination.missing(held)) if held else []
    if not gone:
        return {}
    spec = find_spec(load_specs(settings.project_dir), plan.sync)
    now = utc_now()
    with opener() as warehouse:
        deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
        there = diff.delivered(deliveries, plan.sync, object_of(spec), counted=True)
        rows = warehouse.fetch(
            f"select field, count(*) as members from ({there}) as there group by field"
        )
        counts = {row["field"]: int(row["members"]) for row in rows if row["field"] in gone}
        number = ledger.next_number(warehouse)
        for name in counts:
            warehouse.execute(
                f"""
                insert into {deliveries} (run_id, ledger_no, sync, sync_key, field, operation,
                    status, reason, recorded_at, audience, channel)
                select '{new_id(now)}-gone', {number}, '{plan.sync}', sync_key, field, 'remove',
                    'accepted', '{REASON}', cast(? as timestamp), audience, channel
                from ({there}) as there
                where field = ?""",
                [stamp(now), name],
            )
            log.warning("%s: %s is gone, %d members forgotten", plan.sync, name, counts[name])
    return counts
