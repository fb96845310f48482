"""What destinations hold of an erased person: lists and fields, as the ledger says, and events."""

from madang.erase.values import Known
from madang.people.identifiers import chunks
from madang.settings.workspace import Settings
from madang.sync import diff, ledger
from madang.sync.deletions import membership
from madang.sync.destinations.registry import can_delete, object_of
from madang.sync.spec import load_specs
from madang.warehouse import Warehouse


def note_keys(settings: Settings, warehouse: Warehouse, known: Known) -> None:
    """Add the keys by which destinations that delete people got fields of the person.

    Of attributes alone: an address on a list may be that of several persons.
    """
    specs = [one for one in load_specs(settings.project_dir) if can_delete(one.destination)]
    aliases = (getattr(one.options, "user_alias", None) for one in specs)
    known.alias_labels = sorted({one.label for one in aliases if one is not None})
    if not warehouse.exists(ledger.LAYER, "sync_deliveries"):
        return
    relation = warehouse.relation(ledger.LAYER, "sync_deliveries")
    others = sorted({*known.destination_keys()} - {*known.numbers})
    for spec in specs:
        if object_of(spec).kind != "attributes" or spec.destination not in settings.destinations:
            continue
        there = set(known.sent.get(spec.destination, ()))
        for piece, marks in chunks(others):
            sql = (
                f"select distinct sync_key from {relation} where sync = ? and sync_key in ({marks})"
            )
            there |= {row["sync_key"] for row in warehouse.fetch(sql, [spec.name, *piece])}
        known.sent[spec.destination] = sorted(there)


def memberships(settings: Settings, warehouse: Warehouse, known: Known) -> dict[str, list[str]]:
    """Return what is to be taken away, by destination, as the queue of deletions holds it.

    Off lists and out of fields, where the destination cannot delete the person.
    """
    found: dict[str, list[str]] = {}
    if not warehouse.exists(ledger.LAYER, "sync_deliveries"):
        return found
    relation = warehouse.relation(ledger.LAYER, "sync_deliveries")
    for spec in load_specs(settings.project_dir):
        target = object_of(spec)
        if (
            not target.leaves
            or not target.is_of_persons
            or spec.destination not in settings.destinations
        ):
            continue
        if can_delete(spec.destination):
            continue
        held = diff.delivered(relation, spec.name, target)
        keys = known.match_keys() if spec.key == "match_key" else known.numbers
        for piece, marks in chunks(keys):
            sql = f"select sync_key, field from ({held}) as held where sync_key in ({marks})"
            found.setdefault(spec.destination, []).extend(
                membership(spec.name, row["field"], row["sync_key"])
                for row in warehouse.fetch(sql, piece)
            )
    return found


def keeping(settings: Settings) -> dict[str, set[str]]:
    """Return what destinations keep of what the syncs sent: conversions, and records.

    Events are taken back by none; a record stays where only its fields can be emptied.
    """
    found: dict[str, set[str]] = {}
    for spec in load_specs(settings.project_dir):
        kept = {"events": "conversions", "attributes": "records"}.get(object_of(spec).kind)
        if kept == "records" and can_delete(spec.destination):
            continue
        if kept and spec.destination in settings.destinations:
            found.setdefault(spec.destination, set()).add(kept)
    return found
