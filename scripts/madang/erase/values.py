"""What an erased person is known by, kept on disk only until the erasure is done."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from madang import private
from madang.ingest.checks.contacts import normalize_email, normalize_phone
from madang.people.identifiers import Identifier, Neighbourhood, chunks, key_of
from madang.warehouse import Warehouse

#: Types of identity that are ids of records, and what `identifies` in the sources calls them.
RECORDS = {
    "salesforce_id": ("contact_id", "lead_id", "account_id"),
    "braze_id": ("braze_user_id",),
    "chat_key": ("chat_key",),
}
SALESFORCE = frozenset(
    ("contact", "lead", "account", "individual", "opportunity", "case", "campaign_member")
)
CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"  # of the case of five letters of a Salesforce id


@dataclass
class Known:
    """A person's own identifiers, plain. Those in quarantine name nobody and are not here."""

    person_id: str
    asked_for: str = ""  # hash of what was typed, to find the erasure again
    takes_shared: bool = False  # addresses in quarantine too
    shared: list[str] = field(default_factory=list)  # keys of those that stay
    numbers: list[str] = field(default_factory=list)  # customer numbers and user ids
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)  # that were nobody else's, ever
    keys: list[str] = field(default_factory=list)  # identifier_key of each, and so former ids
    values: list[str] = field(default_factory=list)  # as identity stores them
    hashed: dict[str, list[str]] = field(default_factory=dict)  # of e-mails and telephones
    records: dict[str, list[str]] = field(default_factory=dict)  # order_id, contact_id, …
    listed: dict[str, list[str]] = field(default_factory=dict)  # on lists, by destination
    sent: dict[str, list[str]] = field(default_factory=dict)  # other keys, by destination
    alias_labels: list[str] = field(default_factory=list)  # of the syncs to Braze

    def hashes(self, kind: str) -> list[str]:
        """SHA-256 of every e-mail address or telephone, also where the plain one is not known.

        With those that Google (Gmail without dots and +tag) and Meta (numbers without +) make.
        """
        if kind == "phone":
            plain = [*self.phones, *(one[1:] for one in self.phones)]
        else:
            plain = [*self.emails, *map(_as_google, self.emails)]
        return sorted({*self.hashed.get(kind, []), *map(sha256, plain)})

    def match_keys(self) -> list[str]:
        """The keys of members of lists (`ad_match_keys`): email:<hash>, phone:<hash>."""
        return [f"{kind}:{one}" for kind in ("email", "phone") for one in self.hashes(kind)]

    def destination_keys(self) -> list[str]:
        """Every key by which a destination may know them, as activation models write them.

        Numbers, hashes of addresses, and what `braze.keys` of the destinations says.
        """
        ids = {*self.numbers, *self.values}
        found = [f"external_id:{one}" for one in self.numbers]
        found += [f"email:{one}" for one in self.emails]
        found += [f"phone:{one}" for one in self.phones]
        found += [f"braze_id:{one}" for one in self.records.get("braze_user_id", ())]
        found += [f"user_alias:{label}:{one}" for label in self.alias_labels for one in ids]
        return sorted({*self.numbers, *self.match_keys(), *found})

    def has_address(self, kind: str, text: str) -> bool:
        """Say whether a cell holds an address of theirs, however it is written, or its hash."""
        plain, normal = {
            "email": (self.emails, normalize_email),
            "phone": (self.phones, normalize_phone),
        }[kind]
        return normal(text) in plain or text.strip().lower() in self.hashes(kind)

    def add_addresses(self, kind: str, values: list[str]) -> None:
        plain = {"email": self.emails, "phone": self.phones}[kind]
        plain[:] = sorted({*plain, *values})

    def add_records(self, kind: str, values: Iterable[str]) -> None:
        """Add ids of records, those of Salesforce as 15 and as 18 letters."""
        spelled = {each for value in values for each in _spellings(kind, value)}
        if spelled:
            self.records[kind] = sorted({*self.records.get(kind, []), *spelled})

    def size(self) -> int:
        """How much is known."""
        return len(self.emails) + len(self.phones) + sum(map(len, self.records.values()))

    def tombstones(self) -> list[tuple[str, str, int]]:
        """Type, SHA-256 and sixty bits of every identifier, as the macros make them."""
        places = [("crm_id", one) for one in self.numbers]
        places += [("device", one) for one in self.devices]
        for kind, values in self.records.items():
            places += [(kind, one) for one in sorted({_spellings(kind, one)[0] for one in values})]
        found = [(kind, sha256(value), sixty_bits(value)) for kind, value in places]
        for kind in ("email", "phone"):
            found += [(kind, value, sixty_bits(value)) for value in self.hashes(kind)]
        return found

    def by_kind(self) -> dict[str, list[str]]:
        """The values to look for in a column, by what it stands for: `identifies` of a model."""
        ids = {one for values in self.records.values() for one in values}
        email = [*self.emails, *self.hashes("email")]
        phone = [*self.phones, *self.hashes("phone")]
        return {
            "crm_id": self.numbers,
            "destination_key": self.destination_keys(),
            "person": sorted({self.person_id, *self.keys}),
            "identifier_key": self.keys,
            "device": self.devices,
            "email": email,
            "phone": phone,
            "record": sorted({*ids, *self.numbers}),
            "identifier": [*self.numbers, *email, *phone, *self.devices, *self.values],
        }

    def names(self) -> list[str]:
        """Numbers, addresses and telephones in any spelling that systems write, and hashes."""
        spelled = []
        for phone in self.phones:
            spelled.append(phone)
            if phone.startswith("+82"):
                rest = phone[3:]
                written = f"{rest[:-8]}-{rest[-8:-4]}-{rest[-4:]}"
                spelled += [f"0{rest}", f"0{written}", f"+82 {written}", f"82{rest}"]
        hashes = [*self.hashes("email"), *self.hashes("phone")]
        found = {*self.numbers, *self.emails, *spelled, *hashes}
        return sorted(one for one in found if len(one) > 3)

    def texts(self) -> list[str]:
        """Every value that leads to the person: names, devices, persons, ids of records."""
        ids = [one for values in self.records.values() for one in values]
        found = {*self.names(), *self.devices, *ids, *self.keys, self.person_id}
        return sorted(one for one in found if len(one) > 3)


def _as_google(email: str) -> str:
    local, _, domain = email.partition("@")
    if domain in ("gmail.com", "googlemail.com"):
        local = local.partition("+")[0].replace(".", "")
    return f"{local}@{domain}"


def _spellings(kind: str, value: str) -> list[str]:
    """How systems write an id; the first is what the macro `buried_id` makes of it."""
    if kind.removesuffix("_id") not in SALESFORCE or len(value) not in (15, 18):
        return [value]
    short = value[:15]
    check = ""
    for part in (short[:5], short[5:10], short[10:]):
        check += CHECK[sum(2**at for at, letter in enumerate(part) if "A" <= letter <= "Z")]
    return list(dict.fromkeys([short, short + check, value]))


def sha256(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def sixty_bits(value: str) -> int:
    """The macro `sixty_bits`."""
    digest = hashlib.md5(value.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "little") >> 4


def known_by(warehouse: Warehouse, one: Identifier, near: Neighbourhood) -> Known:
    """Return what a person is known by. `one` is an identifier of theirs."""
    mine = near.of_person(one.person_id) if one.person_id else [one]
    known = Known(one.person_id or one.key)
    known.numbers = sorted({each.value for each in mine if each.kind in ("crm_id", "user_id")})
    known.values = sorted({each.value for each in mine})
    hashed = {each.value: each.kind for each in mine if each.kind in ("email", "phone")}
    for value, kind in hashed.items():
        known.hashed.setdefault(kind, []).append(value)
    for each in mine:
        for name in RECORDS.get(each.kind, ()):
            known.add_records(name, [each.value])
    records = warehouse.relation("private", "identity_records")
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
    """Devices that logins or records say were the person's and nobody else's, ever."""
    if not warehouse.exists("identity", "record_sightings"):
        return []
    marks = ", ".join("?" for _ in known.numbers) or "null"
    sql = f"""
        select device_id
        from (
            select device_id, case when user_id in ({marks}) then 0 else 1 end as others
            from {warehouse.relation("staging", "ga4_logins")}
            union all
            select device_id, case when person_id = ? then 0 else 1 end as others
            from {warehouse.relation("identity", "record_sightings")}
            where person_id is not null
        ) as seen
        where device_id is not null
        group by device_id
        having max(others) = 0
        order by 1"""
    found = warehouse.fetch(sql, [*known.numbers, known.person_id])
    return [row["device_id"] for row in found]


def keep(known: Known, path: Path) -> None:
    """Write what a person is known by, for the owner of the workspace only, whole or not at all."""
    private.folder(path.parent)
    with private.whole(path) as file:
        json.dump(asdict(known), file)


def kept(path: Path) -> Known:
    return Known(**json.loads(path.read_text(encoding="utf-8")))
