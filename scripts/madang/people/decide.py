"""Writes what people decide: that two are one person, that two never are, that one is nobody."""

import getpass
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from madang import times, ui
from madang.audiences.look import require
from madang.errors import UsageError
from madang.people.decisions import Decision, DecisionError, add, path_of, read
from madang.people.identifiers import TABLES, Identifier, find, in_words
from madang.people.way import way
from madang.people.what_changes import show
from madang.people.what_if import what_if
from madang.personal import looks_personal
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse, open_warehouse

OPPOSITE = {"must_link": "never_link", "never_link": "must_link"}
WORDS = {"must_link": "to be one person", "never_link": "never to be one person"}
NEEDED = (
    ("reference", "identity_decisions"),
    ("activity", "activities"),
    ("marts", "audience_members"),
)
NEXT = "The next build does it in all history; then 'madang plan' shows what is put right."


def link(
    settings: Settings, first: str, second: str, reason: str, author: str | None, dry: bool = False
) -> None:
    """Decide that two identifiers are one person. Raises UsageError, DecisionError."""
    with open_warehouse(settings, read_only=True) as warehouse:
        left, right = _found(warehouse, first, second)
        made, decided = consider(settings, "must_link", left, right, reason, author)
        words = in_words(warehouse, (left, right))
        refuse_quarantined(words, left, right)
        ui.line(f"{words[left.key]} and {words[right.key]} are to be one person.")
        if left.person_id == right.person_id:
            ui.line("They are one already; the decision keeps them so.")
    record(settings, made, decided, (left, right), dry)


def unmerge(
    settings: Settings, first: str, second: str, reason: str, author: str | None, dry: bool = False
) -> None:
    """Decide that two identifiers are never one person.

    Raises UsageError where nobody is known or they are apart already, DecisionError where it was
    decided already, or otherwise.
    """
    with open_warehouse(settings, read_only=True) as warehouse:
        left, right = _found(warehouse, first, second)
        made, decided = consider(settings, "never_link", left, right, reason, author)
        words = in_words(warehouse, (left, right))
        refuse_quarantined(words, left, right)
        if left.person_id != right.person_id:
            raise UsageError(
                f"{words[left.key]} and {words[right.key]} are two persons already.",
                fix="'madang explain pair' says why.",
            )
        ui.line(f"Person {left.person_id} is taken apart.")
    record(settings, made, decided, (left, right), dry)


def exclude(
    settings: Settings, who: str, reason: str, author: str | None, dry: bool = False
) -> None:
    """Decide that an identifier names nobody. Raises UsageError, DecisionError."""
    with open_warehouse(settings, read_only=True) as warehouse:
        (one,) = _found(warehouse, who)
        made, decided = consider(settings, "exclude", one, None, reason, author)
        ui.line(f"{in_words(warehouse, [one])[one.key]} names nobody any more.")
        if one.quarantine:
            ui.line(f"It is in quarantine already ({one.quarantine}); the decision keeps it there.")
    record(settings, made, decided, (one,), dry)


def _found(warehouse: Warehouse, *who: str) -> list[Identifier]:
    require(warehouse, *TABLES, *NEEDED)
    return [find(warehouse, one) for one in who]


def consider(
    settings: Settings,
    kind: str,
    left: Identifier,
    right: Identifier | None,
    reason: str,
    author: str | None,
) -> tuple[Decision, list[Decision]]:
    """Return the new decision and those before it. Raises DecisionError where they disagree."""
    decided = read(settings)
    made = Decision(
        kind,
        *left.place,
        *(right.place if right else ("", "")),
        author=(author or getpass.getuser()).strip(),
        reason=" ".join(reason.split()),
        decided_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    if right and left.place == right.place:
        raise DecisionError("Both are the same identifier.", fix="Name two different ones.")
    if not made.reason:
        raise DecisionError("A decision needs a reason.", fix='Give one: --reason "two customers".')
    if looks_personal(made.reason) or looks_personal(made.author):
        raise DecisionError(
            "The reason or the author looks like an e-mail address or a telephone number.",
            fix="Say it without: the file is kept in git, and may hold no personal data.",
        )
    where = str(path_of(settings))
    for one in decided:
        if one.ends != made.ends:
            continue
        day = times.day(one.decided_at, settings.timezone)
        by = f"{one.author} on {day}: {one.reason}"
        if one.decision == kind:
            raise DecisionError(f"This was decided already, by {by}.", where=where)
        if one.decision == OPPOSITE.get(kind):
            raise DecisionError(
                f"It was decided that they are {WORDS[one.decision]}, by {by}.",
                where=where,
                fix="Take that row out of the file first, if it is wrong.",
            )
    refuse_contradiction([*decided, made], where)
    return made, decided


def refuse_contradiction(decided: Iterable[Decision], where: str) -> None:
    """Raise DecisionError where decisions tie together two that others keep apart."""
    ends: dict[str, list[tuple]] = {"must_link": [], "never_link": [], "exclude": []}
    for one in decided:
        left, right = (one.left_type, one.left_value), (one.right_type, one.right_value)
        ends[one.decision].append((left, right))
    if any(way(ends["must_link"], *pair) for pair in ends["never_link"]):
        raise DecisionError(
            "Decisions before this one say the opposite, over one or more steps.",
            where=where,
            fix="Take the row that is wrong out of the file first.",
        )


def refuse_quarantined(words: Mapping[str, str], *identifiers: Identifier) -> None:
    """Raise DecisionError for an identifier that belongs to nobody."""
    for one in identifiers:
        if one.quarantine:
            raise DecisionError(
                f"{words[one.key]} is in quarantine ({one.quarantine}): it belongs to nobody.",
                fix="Name another identifier of the person, such as the customer number.",
            )


def record(
    settings: Settings,
    made: Decision,
    decided: Sequence[Decision],
    named: Sequence[Identifier],
    dry: bool,
) -> None:
    """Show what a decision changes and add it to those before it.

    With `dry` nothing is written. Where nobody has what is `named`, nothing can change.
    """
    if any(one.person_id for one in named):
        with what_if(settings, [*decided, made]) as warehouse:
            show(settings, warehouse, named)
    ui.line("")
    if dry:
        ui.line("Nothing was written.")
        return
    add(settings, made, decided)
    ui.line(f"Written to {path_of(settings)}. Keep the file in git.")
    ui.line(NEXT)
