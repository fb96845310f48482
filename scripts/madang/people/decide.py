"""Writes what people decide: that two are one person, that two never are, that one is nobody."""

import getpass
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from madang import times, ui
from madang.audiences.look import require
from madang.people import blast_radius
from madang.people.decisions import Decision, DecisionError, add, path_of, read
from madang.people.identifiers import TABLES, Identifier, Neighbourhood, around, find, key_of
from madang.people.ties import ContradictionError, Tie, components, cuts
from madang.personal import looks_personal
from madang.settings.workspace import Settings
from madang.warehouse import Warehouse, open_warehouse

OPPOSITE = {"must_link": "never_link", "never_link": "must_link"}
WORDS = {"must_link": "to be one person", "never_link": "never to be one person"}
NEXT = "The next build does it in all history; then 'madang plan' shows what is put right."


def link(
    settings: Settings, first: str, second: str, reason: str, author: str | None, dry: bool = False
) -> None:
    """Decide that two identifiers are one person. Raises UsageError, DecisionError."""
    with open_warehouse(settings, read_only=True) as warehouse:
        require(warehouse, *TABLES, *blast_radius.TABLES)
        left, right = find(warehouse, first), find(warehouse, second)
        made, decided = consider(settings, "must_link", left, right, reason, author)
        near = around(warehouse, [left, right], [*decided, made])
        for one in (left, right):
            refuse_quarantined(near, one)
        ui.line(f"{near.words(left.key)} and {near.words(right.key)} are to be one person.")
        if left.person_id == right.person_id:
            ui.line("They are one already; the decision keeps them so.")
        persons = sorted({left.person_id or "", right.person_id or ""})
        groups = {f"person {person[:8]}…": _keys(near, person) for person in persons}
        show_radius(settings, warehouse, near, groups, persons)
    record(settings, made, decided, dry)


def exclude(
    settings: Settings, who: str, reason: str, author: str | None, dry: bool = False
) -> None:
    """Decide that an identifier names nobody. Raises UsageError, DecisionError."""
    with open_warehouse(settings, read_only=True) as warehouse:
        require(warehouse, *TABLES, *blast_radius.TABLES)
        one = find(warehouse, who)
        made, decided = consider(settings, "exclude", one, None, reason, author)
        near = around(warehouse, [one], decided)
        ui.line(f"{near.words(one.key)} names nobody any more.")
        if one.quarantine:
            ui.line(f"It is in quarantine already ({one.quarantine}); the decision keeps it there.")
        else:
            _show_left_behind(settings, warehouse, near, one, decided)
    record(settings, made, decided, dry)


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
    """Raise DecisionError where decisions tie together what others keep apart."""
    ends: dict[str, list[tuple[str, str]]] = {"must_link": [], "never_link": [], "exclude": []}
    for one in decided:
        pair = (key_of(one.left_type, one.left_value), key_of(one.right_type, one.right_value))
        ends[one.decision].append(pair)
    try:
        cuts([Tie(*pair, is_decided=True) for pair in ends["must_link"]], ends["never_link"])
    except ContradictionError as error:
        raise DecisionError(
            "Decisions before this one say the opposite, over one or more steps.",
            where=where,
            fix="Take the row that is wrong out of the file first.",
        ) from error


def refuse_quarantined(near: Neighbourhood, one: Identifier) -> None:
    """Raise UsageError for an identifier that belongs to nobody."""
    if one.quarantine:
        raise DecisionError(
            f"{near.words(one.key)} is in quarantine ({one.quarantine}): it belongs to nobody.",
            fix="Name another identifier of the person, such as the customer number.",
        )


def show_radius(
    settings: Settings,
    warehouse: Warehouse,
    near: Neighbourhood,
    groups: dict[str, list[str]],
    persons: list[str],
) -> None:
    """Print who has which identifiers, and all that hangs on them."""
    rows = [
        (name if number == 0 else "", near.words(key))
        for name, keys in groups.items()
        for number, key in enumerate(keys)
    ]
    ui.table("Who is who", ("side", "identifier"), rows)
    sides = blast_radius.sides_of(near, groups)
    blast_radius.show(blast_radius.measure(settings, warehouse, sides, persons))


def record(settings: Settings, made: Decision, decided: Sequence[Decision], dry: bool) -> None:
    """Add a decision to those before it, or with `dry` say that nothing was written."""
    ui.line("")
    if dry:
        ui.line("Nothing was written.")
        return
    add(settings, made, decided)
    ui.line(f"Written to {path_of(settings)}. Keep the file in git.")
    ui.line(NEXT)


def groups_after(
    near: Neighbourhood, person_id: str, decided: list[Decision], named: dict[str, str]
) -> dict[str, list[str]]:
    """Return the sides into which a person falls: names of sides with their identifiers' keys.

    `named` are keys that give their side its name; other sides are numbered.
    """
    mine = [one for one in near.of_person(person_id) if one.key in near.identifiers]
    label = components(near.identifiers, near.left_after(decided))
    names = {label[key]: name for key, name in named.items()}
    groups: dict[str, list[str]] = {name: [] for name in named.values()}
    for one in mine:
        name = names.setdefault(label[one.key], f"apart {len(names) - len(named) + 1}")
        groups.setdefault(name, []).append(one.key)
    return groups


def _keys(near: Neighbourhood, person_id: str) -> list[str]:
    return [one.key for one in near.of_person(person_id)]


def _show_left_behind(
    settings: Settings,
    warehouse: Warehouse,
    near: Neighbourhood,
    one: Identifier,
    decided: list[Decision],
) -> None:
    """Print into whom the person falls without the identifier."""
    person_id = one.person_id or ""
    rest = Neighbourhood(dict(near.identifiers), near.edges, near.cut, near.shown)
    rest.identifiers[one.key] = replace(one, quarantine="excluded", person_id=None)
    groups = groups_after(rest, person_id, decided, {})
    groups = {name.replace("apart", "person"): keys for name, keys in groups.items()}
    groups[blast_radius.NOBODY] = [one.key]
    show_radius(settings, warehouse, near, groups, [person_id])
