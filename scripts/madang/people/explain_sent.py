"""Explains what was sent about a person or under a key: each sending, with its outcome."""

import re
from itertools import groupby
from operator import attrgetter

from madang import ui
from madang.audiences.look import require
from madang.errors import UsageError
from madang.masks import mask
from madang.people.explain_person import NEEDED, find_person
from madang.people.sendings import Sending, keys_of, sendings, subject_of
from madang.settings.workspace import Settings
from madang.sync.destinations.registry import object_of
from madang.sync.spec import SyncSpec, load_specs
from madang.warehouse import Warehouse, open_warehouse


def show_sent(settings: Settings, who: str, *, is_key: bool = False) -> None:
    """Print each sending of a person's keys, or of one key, and what is held back now.

    Keys are masked, values are not kept. Raises UsageError where nobody is meant, or the key was
    never sent.
    """
    with open_warehouse(settings, read_only=True) as warehouse:
        specs = load_specs(settings.project_dir)
        person = None
        if not is_key:
            require(warehouse, *NEEDED)
            person = find_person(settings, warehouse, who)
            specs = [spec for spec in specs if object_of(spec).is_of_persons]
        keys = {spec.name: {who} if is_key else keys_of(warehouse, spec, person) for spec in specs}
        sent = sendings(settings, warehouse, keys)
        held = [row for spec in specs for row in _held_back(warehouse, spec, who, person)]
    if is_key and not sent and not held:
        raise UsageError(
            "No sync has this key, and none ever sent it.",
            fix="Give the key as the activation model has it in sync_key, or leave out --key.",
        )
    if person is not None:
        ui.summary("Person", [("person_id", person)])
    objects = {spec.name: spec.object for spec in specs}
    for name, group in groupby(sent, key=attrgetter("sync")):
        rows = list(group)
        to = " ".join(filter(None, (rows[0].destination, objects.get(name))))
        columns = ("at", "run", "key", "field", "for", "change", "outcome", "why", "request")
        ui.table(f"{name} → {to}", columns, [_row(one) for one in rows])
    if not sent:
        ui.line("Nothing was sent under these keys.")
    columns = ("sync", "field", "for", "why")
    ui.table("Held back now", columns, held, empty="nothing")


def _held_back(
    warehouse: Warehouse, spec: SyncSpec, key: str, person_id: str | None
) -> list[tuple]:
    """Return what a sync does not send of a person, or of a key where no person is meant."""
    if not warehouse.exists("activation", spec.model):
        return []
    has = warehouse.columns("activation").get(spec.model, ())
    names = [
        name if name in has else f"cast(null as string) as {name}"
        for name in ("audience", "channel")
    ]
    rows = warehouse.fetch(
        f"""
        select distinct field, {", ".join(names)}, held_back_reason as reason
        from {warehouse.relation("activation", spec.model)}
        where {"sync_key" if person_id is None else "person_id"} = ?
            and held_back_reason is not null
        order by 1, 2, 3, 4""",
        [key if person_id is None else person_id],
    )
    return [
        (spec.name, row["field"], subject_of(row["audience"], row["channel"]), row["reason"])
        for row in rows
    ]


def _row(one: Sending) -> tuple:
    return (
        one.at,
        one.run_id,
        re.sub(r"\*{4,}", "****", mask("key", one.key)),
        one.field,
        one.subject,
        one.operation,
        one.outcome,
        one.reason,
        one.request,
    )
