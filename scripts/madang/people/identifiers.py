"""Identifiers and their ties as they stand in the warehouse: found by what people type, masked."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from madang.errors import UsageError
from madang.ingest.checks.contacts import is_sha256, normalize_email, normalize_phone
from madang.masks import fingerprint, mask
from madang.warehouse import Row, Warehouse

WORDS = {
    "crm_id": "customer",
    "user_id": "user id",
    "salesforce_id": "Salesforce id",
    "braze_id": "Braze id",
    "email": "e-mail",
    "phone": "telephone",
    "chat_key": "chat key",
}
#: The strongest first.
TYPES = tuple(WORDS)
TABLES = (
    ("identity", "identifiers"),
    ("identity", "person_identifiers"),
    ("identity", "identity_edges"),
    ("identity", "identity_cuts"),
    ("private", "identity_records"),
)
ASK = "Give a customer number, a user id, an id of Salesforce or Braze, an e-mail address, "
ASK += "a telephone number, a chat key or a person_id; where a text could be several of them, "
ASK += "begin with "
ASK += ", ".join(f"{kind}:" for kind in TYPES[:-1]) + f" or {TYPES[-1]}:"
SHORT_ID = re.compile("[0-9A-Za-z]{15}")
Pair = tuple[str, str]
TOGETHER = 400  # values in one question to the warehouse


@dataclass(frozen=True)
class Identifier:
    """One row of `identifiers`, with the person that it names."""

    key: str
    kind: str
    value: str
    person_id: str | None
    quarantine: str | None
    first_seen_at: datetime | None = None

    @property
    def place(self) -> Pair:
        return self.kind, self.value


def key_of(kind: str, value: str) -> str:
    """Return the key of an identifier as the macro `surrogate_key` makes it."""
    return surrogate_key(kind, value)


def surrogate_key(*values: str) -> str:
    """Return the key that the macro of this name gives to values without nulls."""
    return hashlib.md5("\x1f".join(values).encode(), usedforsecurity=False).hexdigest()


def find(warehouse: Warehouse, who: str) -> Identifier:
    """Return the identifier that a text means.

    Raises UsageError for one that nobody has, or that several persons have as different things.
    """
    places = _readings(who.strip())
    values = [value for place in places for value in place]
    either = " or ".join("(seen.identifier_type = ? and seen.identifier_value = ?)" for _ in places)
    found = _identifiers(warehouse, f"{either} or seen.identifier_key = ?", [*values, who.strip()])
    if not found:
        raise UsageError("Nobody is known by this.", where=_masked(who), fix=ASK + ".")
    found = [one for one in found if one.quarantine is None] or found
    persons = {one.person_id for one in found}
    if len(persons) > 1:
        kinds = ", ".join(sorted(WORDS[one.kind] for one in found))
        message = f"This means different persons, depending on what it is ({kinds})."
        raise UsageError(message, where=_masked(who), fix=ASK + ".")
    return min(found, key=lambda one: TYPES.index(one.kind))


def _masked(who: str) -> str:
    who = who.strip()
    return mask("email" if "@" in who else "phone" if normalize_phone(who) else "id", who)


def _readings(who: str) -> list[Pair]:
    """What a text could be, as (type, stored value)."""
    kind, _, rest = who.partition(":")
    kinds = TYPES
    if kind in TYPES and rest:
        kinds, who = (kind,), rest.strip()
    plain = {"email": normalize_email(who), "phone": normalize_phone(who)}
    stored = {name: hashlib.sha256(one.encode()).hexdigest() for name, one in plain.items() if one}
    if is_sha256(who):
        stored |= dict.fromkeys(plain, who.lower())
    if SHORT_ID.fullmatch(who):
        stored["salesforce_id"] = _long_id(who)
    return [(name, stored.get(name, who)) for name in kinds]


def _long_id(short: str) -> str:
    """Return the 18 characters of a Salesforce id of 15, as the macro `salesforce_id` does."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    parts = (short[start : start + 5] for start in (0, 5, 10))
    capitals = (sum(2**at for at, sign in enumerate(part) if sign.isupper()) for part in parts)
    return short + "".join(letters[number] for number in capitals)


def _identifiers(warehouse: Warehouse, condition: str, values: list[str]) -> list[Identifier]:
    rows = warehouse.fetch(
        f"""
        select seen.identifier_key, seen.identifier_type, seen.identifier_value,
            known.person_id, seen.quarantine_reason, seen.first_seen_at
        from {warehouse.relation("identity", "identifiers")} as seen
        left join {warehouse.relation("identity", "person_identifiers")} as known
            on seen.identifier_key = known.identifier_key
        where {condition}""",
        values,
    )
    return [Identifier(*row.values()) for row in rows]


@dataclass
class Neighbourhood:
    """All that is tied to some identifiers, cut ties and ties in quarantine included.

    `words` has each identifier masked: `e-mail k***@p***.example`.
    """

    identifiers: dict[str, Identifier] = field(default_factory=dict)
    edges: list[Row] = field(default_factory=list)
    cut: set[Pair] = field(default_factory=set)
    words: dict[str, str] = field(default_factory=dict)

    def of_person(self, person_id: str) -> list[Identifier]:
        """Return the identifiers of a person, the strongest kind first."""
        mine = [one for one in self.identifiers.values() if one.person_id == person_id]
        return sorted(mine, key=lambda one: (TYPES.index(one.kind), one.key))


def around(warehouse: Warehouse, start: Iterable[Identifier]) -> Neighbourhood:
    """Return what the identifiers are tied to over any number of steps, and what ties it.

    An identifier in quarantine is named, and not walked through.
    """
    found = Neighbourhood()
    edges: dict[tuple[str, str, str, str], Row] = {}
    waiting = {one.key for one in start}
    while waiting:
        for one in _in_chunks(warehouse, "seen.identifier_key", waiting):
            found.identifiers[one.key] = one
        walked = {
            key
            for key in waiting
            if key in found.identifiers and not found.identifiers[key].quarantine
        }
        reached = set()
        for side in ("left_key", "right_key"):
            for row in _edges(warehouse, side, walked):
                edges[row["left_key"], row["right_key"], row["rule"], row["source"]] = row
                reached |= {row["left_key"], row["right_key"]}
        waiting = reached - found.identifiers.keys() - waiting
    found.edges = sorted(edges.values(), key=lambda row: (row["left_key"], row["right_key"]))
    _read_cuts(warehouse, found)
    found.words = in_words(warehouse, found.identifiers.values())
    return found


def in_words(warehouse: Warehouse, identifiers: Iterable[Identifier]) -> dict[str, str]:
    """Return each identifier masked, by its key; of a hashed value the plain one is looked up."""
    identifiers = list(identifiers)
    shown: dict[str, str] = {}
    relation = warehouse.relation("private", "identity_records")
    for kind in ("email", "phone"):
        values = {one.value: one.key for one in identifiers if one.kind == kind}
        shown |= {key: fingerprint(value) for value, key in values.items()}
        for piece, marks in chunks(values):
            sql = f"select distinct {kind} as plain, {kind}_hash as hashed from {relation} "
            sql += f"where {kind} is not null and {kind}_hash in ({marks})"
            for row in warehouse.fetch(sql, piece):
                shown[values[row["hashed"]]] = mask(kind, row["plain"])
    return {
        one.key: f"{WORDS[one.kind]} {shown.get(one.key) or mask(one.kind, one.value)}"
        for one in identifiers
    }


def chunks(values: Iterable[str]) -> Iterable[tuple[list[str], str]]:
    """Cut values into pieces, each with the question marks for it."""
    ordered = sorted(values)
    for first in range(0, len(ordered), TOGETHER):
        piece = ordered[first : first + TOGETHER]
        yield piece, ", ".join("?" for _ in piece)


def _in_chunks(warehouse: Warehouse, column: str, values: Iterable[str]) -> Iterable[Identifier]:
    for piece, marks in chunks(values):
        yield from _identifiers(warehouse, f"{column} in ({marks})", piece)


def _edges(warehouse: Warehouse, side: str, keys: Iterable[str]) -> Iterable[Row]:
    relation = warehouse.relation("identity", "identity_edges")
    for piece, marks in chunks(keys):
        yield from warehouse.fetch(f"select * from {relation} where {side} in ({marks})", piece)


def _read_cuts(warehouse: Warehouse, found: Neighbourhood) -> None:
    relation = warehouse.relation("identity", "identity_cuts")
    for piece, marks in chunks(found.identifiers):
        sql = f"select distinct left_key, right_key from {relation} where left_key in ({marks})"
        found.cut |= {(row["left_key"], row["right_key"]) for row in warehouse.fetch(sql, piece)}
