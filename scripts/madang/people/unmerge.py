"""Takes two people apart who are one person in the data, and shows what that changes."""

from madang import ui
from madang.audiences.look import require
from madang.errors import UsageError
from madang.people import blast_radius
from madang.people.decide import consider, groups_after, record, refuse_quarantined, show_radius
from madang.people.identifiers import TABLES, around, find
from madang.settings.workspace import Settings
from madang.warehouse import open_warehouse


def unmerge(
    settings: Settings, first: str, second: str, reason: str, author: str | None, dry: bool = False
) -> None:
    """Decide that two identifiers are never one person, and print the blast radius.

    Raises UsageError where nobody is known or they are apart already, DecisionError where it was
    decided already, or otherwise.
    """
    with open_warehouse(settings, read_only=True) as warehouse:
        require(warehouse, *TABLES, *blast_radius.TABLES)
        left, right = find(warehouse, first), find(warehouse, second)
        made, decided = consider(settings, "never_link", left, right, reason, author)
        near = around(warehouse, [left, right], [*decided, made])
        for one in (left, right):
            refuse_quarantined(near, one)
        if left.person_id != right.person_id:
            raise UsageError(
                f"{near.words(left.key)} and {near.words(right.key)} are two persons already.",
                fix="'madang explain pair' says why.",
            )
        person_id = left.person_id or ""
        named = {left.key: near.words(left.key), right.key: near.words(right.key)}
        groups = groups_after(near, person_id, [*decided, made], named)
        ui.line(f"Person {person_id} is taken apart.")
        show_radius(settings, warehouse, near, groups, [person_id])
    record(settings, made, decided, dry)
