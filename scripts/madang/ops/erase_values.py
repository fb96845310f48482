"""What an erased person is known by, kept on disk only until the erasure is done."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from madang.ops.identifiers import Identifier, Neighbourhood, chunks, key_of
from madang.warehouse import Warehouse


@dataclass
class Known:
    """A person's own identifiers, plain. Those in quarantine name nobody and are not here."""

    person_id: str
    numbers: list[str] = field(default_factory=list)  # customer numbers and user ids
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)  # on which nobody else ever logged in
    keys: list[str] = field(default_factory=list)  # identifier_key of each, and so former ids

    def tombstones(self) -> list[tuple[str, str, int]]:
        """Type, SHA-256 and sixty bits of every identifier, as the macros make them."""
        places = [("crm_id", one) for one in self.numbers]
        places += [("email", one) for one in self.emails]
        places += [("phone", one) for one in self.phones]
        places += [("device", one) for one in self.devices]
        return [
            (kind, hashlib.sha256(value.encode()).hexdigest(), sixty_bits(value))
            for kind, value in places
        ]

    def by_column(self) -> dict[str, list[str]]:
        """The values to look for in a column of this name, in any table."""
        hashed = {
            name: [hashlib.sha256(one.encode()).hexdigest() for one in values]
            for name, values in (("emails", self.emails), ("phones", self.phones))
        }
        numbers, people = self.numbers, sorted({self.person_id, *self.keys})
        return {
            **dict.fromkeys(
                ("customer_no", "crm_id", "user_id", "external_user_id", "sync_key"), numbers
            ),
            **dict.fromkeys(("person_id", "former_person_id", "previous_person_id"), people),
            **dict.fromkeys(("identifier_key", "node_key", "left_key", "right_key"), self.keys),
            **dict.fromkeys(("device_id", "user_pseudo_id", "pseudo_user_id"), self.devices),
            "email": self.emails,
            "phone": self.phones,
            "identifier_value": [*numbers, *hashed["emails"], *hashed["phones"], *self.devices],
        }


def sixty_bits(value: str) -> int:
    """The macro `sixty_bits`."""
    digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "little") >> 4


def known_by(warehouse: Warehouse, one: Identifier, near: Neighbourhood) -> Known:
    """Return what a person is known by. `one` is an identifier of theirs."""
    mine = near.of_person(one.person_id) if one.person_id else [one]
    known = Known(one.person_id or one.key)
    known.numbers = sorted({each.value for each in mine if each.kind in ("crm_id", "user_id")})
    hashed = {each.value: each.kind for each in mine if each.kind in ("email", "phone")}
    records = warehouse.relation("identity", "identity_records")
    for kind, values in (("email", known.emails), ("phone", known.phones)):
        digest = warehouse.dialect.sha256_hex(kind)
        wanted = [value for value, of in hashed.items() if of == kind]
        for piece, marks in chunks(wanted):
            sql = f"select distinct {kind} as plain from {records} where {digest} in ({marks})"
            values += [row["plain"] for row in warehouse.fetch(sql, piece)]
        values.sort()
    places = [("crm_id", n) for n in known.numbers] + [("user_id", n) for n in known.numbers]
    known.keys = sorted({each.key for each in mine} | {key_of(*place) for place in places})
    known.devices = _own_devices(warehouse, known)
    return known


def _own_devices(warehouse: Warehouse, known: Known) -> list[str]:
    """Devices on which the person logged in and nobody else ever did."""
    if not known.numbers or not warehouse.exists("staging", "ga4_logins"):
        return []
    marks = ", ".join("?" for _ in known.numbers)
    sql = f"""
        select device_id from {warehouse.relation("staging", "ga4_logins")}
        where device_id is not null
        group by device_id
        having count(case when user_id in ({marks}) then 1 end) = count(*)
        order by 1"""
    return [row["device_id"] for row in warehouse.fetch(sql, known.numbers)]


def keep(known: Known, path: Path) -> None:
    """Write what a person is known by, for the owner of the workspace only, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(known), file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def kept(path: Path) -> Known:
    return Known(**json.loads(path.read_text(encoding="utf-8")))
