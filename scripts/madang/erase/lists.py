"""What destinations hold of an erased person: lists, as the ledger says, and what was told."""

from madang.erase.values import Known
from madang.people.identifiers import chunks
from madang.settings.workspace import Settings
from madang.sync import diff, ledger
from madang.sync.deletions import membership
from madang.sync.destinations.registry import object_of
from madang.sync.spec import load_specs
from madang.warehouse import Warehouse


def memberships(settings: Settings, warehouse: Warehouse, known: Known) -> dict[str, list[str]]:
    """Return what is to be taken off lists, by destination, as the queue of deletions holds it."""
    found: dict[str, list[str]] = {}
    if not warehouse.exists(ledger.LAYER, "sync_deliveries"):
        return found
    relation = warehouse.relation(ledger.LAYER, "sync_deliveries")
    for spec in load_specs(settings.project_dir):
        target = object_of(spec)
        if target.kind != "members" or spec.destination not in settings.destinations:
            continue
        held = diff.delivered(relation, spec.name, target)
        for piece, marks in chunks(known.match_keys()):
            sql = f"select sync_key, field from ({held}) as held where sync_key in ({marks})"
            found.setdefault(spec.destination, []).extend(
                membership(spec.name, row["field"], row["sync_key"])
                for row in warehouse.fetch(sql, piece)
            )
    return found


def keeping(settings: Settings) -> set[str]:
    """Return the destinations to which a sync tells events, which none of them takes back."""
    return {
        spec.destination
        for spec in load_specs(settings.project_dir)
        if object_of(spec).kind == "events" and spec.destination in settings.destinations
    }
