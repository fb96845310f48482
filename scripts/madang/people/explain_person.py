"""Explains a person: identifiers with evidence, devices, activities, audiences, deliveries."""

import hashlib
from collections.abc import Mapping
from functools import cached_property

from madang import times, ui
from madang.audiences.look import require
from madang.audiences.rules import parts_of_person
from madang.errors import UsageError
from madang.masks import fingerprint, mask
from madang.people import hubs
from madang.people.identifiers import find
from madang.people.sendings import in_ledger, keys_of
from madang.settings.workspace import Settings
from madang.sync.destinations.registry import object_of
from madang.sync.spec import load_specs
from madang.warehouse import Row, Warehouse, open_warehouse

ACTIVITIES = 20
DEVICES = 20
DELIVERIES = 12
#: Sources whose objects are things; those of all others are a person's own records.
OF_THINGS = ("ga4", "braze", "consent")
NEEDED = (
    ("identity", "identifiers"),
    ("identity", "person_identifiers"),
    ("identity", "identity_edges"),
    ("identity", "identity_cuts"),
    ("identity", "identity_map"),
    ("identity", "persons"),
    ("activity", "activities"),
    ("activity", "person_orders"),
    ("private", "contacts"),
    ("marts", "customers"),
    ("marts", "contactability"),
    ("marts", "audience_evidence"),
    ("marts", "audience_members"),
    ("explain", "audience_parts"),
)


def show_person(settings: Settings, who: str) -> None:
    """Print everything known of one person, without personal data.

    `who` is an identifier, or a person_id of today or of before. Raises UsageError when nobody is
    meant.
    """
    with open_warehouse(settings, read_only=True) as warehouse:
        require(warehouse, *NEEDED)
        person_id = find_person(settings, warehouse, who)
        reader = _Person(settings, warehouse, person_id)
        ui.summary("Person", reader.heading())
        _show_identity(reader)
        ui.table(
            "Devices",
            ("device", "from", "until", "known by", "evidence"),
            reader.devices(),
            empty="none is known",
        )
        ui.table(
            f"Last {ACTIVITIES} activities",
            ("at", "source", "action", "object", "value", "channel"),
            reader.activities(),
        )
        columns = ("order", "placed on", "amount", "status", "activities")
        ui.table("Orders", columns, reader.orders(), empty="none is known")
        columns = ("channel", "purpose", "allowed", "why", "said in", "as", "at")
        ui.table("Consent", columns, reader.contactability())
        ui.table("Audiences", ("audience", "in", "why"), reader.audiences())
        ui.table(
            "Last deliveries",
            ("at", "sync", "field", "operation", "status", "reason"),
            reader.deliveries(settings),
            empty="nothing was sent about this person",
        )


def find_person(settings: Settings, warehouse: Warehouse, who: str) -> str:
    """Return the person_id meant by an identifier, or by an id that the person had before."""
    found = find(warehouse, who)
    if found.person_id is None:
        raise UsageError(
            f"This identifier is in quarantine ({found.quarantine}): "
            "it belongs to nobody and joins nobody.",
            where=hubs.evidence(warehouse, found.key, settings.timezone),
            fix="Ask by customer number instead.",
        )
    return found.person_id


class _Person:
    """The rows about one person, masked."""

    def __init__(self, settings: Settings, warehouse: Warehouse, person_id: str) -> None:
        self._zone = settings.timezone
        self._warehouse = warehouse
        self.person_id = person_id
        found = self._fetch("select tier from {} where person_id = ?", "marts", "customers")
        self._customer = found[0] if found else {}
        known = self._fetch(
            "select email, phone from {} where person_id = ?", "private", "contacts"
        )
        self._known = {
            hashlib.sha256(value.encode()).hexdigest(): mask(kind, value)
            for kind in ("email", "phone")
            if known and (value := known[0][kind])
        }

    def _fetch(self, sql: str, layer: str, table: str) -> list[Row]:
        relation = self._warehouse.relation(layer, table)
        return self._warehouse.fetch(sql.format(relation), [self.person_id])

    def _masked(self, kind: str, value: str) -> str:
        """A hashed value is shown masked when it is the one in use now."""
        if kind in ("email", "phone"):
            return self._known.get(value) or fingerprint(value)
        return mask(kind, value)

    def heading(self) -> list[tuple[str, str]]:
        """Return who it is, and how much is known."""
        devices = self._fetch(
            "select count(*) as intervals, count(distinct identifier_value) as devices, "
            "min(valid_from) as begun, max(valid_to) as ended from {} "
            "where person_id = ? and identifier_type = 'device'",
            "identity",
            "identity_map",
        )[0]
        owned = "none"
        if devices["devices"]:
            owned = f"{devices['devices']} owned in {devices['intervals']} intervals, "
            days = [times.day(devices[at], self._zone) for at in ("begun", "ended")]
            owned += " to ".join(days)
        return [
            ("person_id", self.person_id),
            ("tier", self._customer.get("tier") or "-"),
            ("devices", owned),
        ]

    def devices(self) -> list[tuple]:
        """Return the last intervals in which a device was the person's: by login or by record."""
        rows = self._fetch(
            "select identifier_value, valid_from, valid_to, rule, evidence_count from {} "
            "where person_id = ? and identifier_type = 'device' "
            f"order by valid_from desc, identifier_value limit {DEVICES}",
            "identity",
            "identity_map",
        )
        return [
            (
                mask("id", row["identifier_value"]),
                row["valid_from"],
                row["valid_to"],
                row["rule"],
                row["evidence_count"],
            )
            for row in rows
        ]

    def identifiers(self) -> list[tuple]:
        """Return the identifiers with their evidence."""
        rows = self._warehouse.fetch(
            f"""
            select known.identifier_type, known.identifier_value, known.rule, seen.sources,
                seen.first_seen_at, seen.last_seen_at, seen.evidence_count
            from {self._warehouse.relation("identity", "identity_map")} as known
            left join {self._warehouse.relation("identity", "identifiers")} as seen
                on known.identifier_type = seen.identifier_type
                and known.identifier_value = seen.identifier_value
            where known.person_id = ? and known.identifier_type <> 'device'
            order by known.identifier_type, seen.first_seen_at""",
            [self.person_id],
        )
        return [
            (
                row["identifier_type"],
                self._masked(row["identifier_type"], row["identifier_value"]),
                row["rule"],
                row["sources"],
                row["first_seen_at"],
                row["last_seen_at"],
                row["evidence_count"],
            )
            for row in rows
        ]

    def edges(self) -> list[tuple]:
        """Return what ties the identifiers together, quarantined ties included."""
        rows = self._warehouse.fetch(
            f"""
            with mine as (
                select distinct identifier_type, identifier_value
                from {self._warehouse.relation("identity", "identity_map")}
                where person_id = ? and identifier_type <> 'device'
            )
            select edges.*, cuts.left_key is not null as is_cut
            from {self._warehouse.relation("identity", "identity_edges")} as edges
            left join (
                select distinct left_key, right_key
                from {self._warehouse.relation("identity", "identity_cuts")}
            ) as cuts
                on edges.left_key = cuts.left_key and edges.right_key = cuts.right_key
            where exists (
                select 1 from mine where
                    (mine.identifier_type = edges.left_type
                        and mine.identifier_value = edges.left_value)
                    or (mine.identifier_type = edges.right_type
                        and mine.identifier_value = edges.right_value)
            )
            order by edges.is_quarantined, edges.first_seen_at
            limit 50""",
            [self.person_id],
        )
        return [
            (
                f"{row['left_type']} {self._masked(row['left_type'], row['left_value'])}",
                f"{row['right_type']} {self._masked(row['right_type'], row['right_value'])}",
                row["rule"],
                row["source"],
                row["evidence_count"],
                _effect(row),
            )
            for row in rows
        ]

    def activities(self) -> list[tuple]:
        """Return the last activities. Ids of applications and the like are masked, and orders
        numbered: which is whose is told without a number that the shop's staff could look up."""
        numbers = {row["order_id"]: row["order_number"] for row in self._orders}
        rows = self._fetch(
            "select occurred_at, source, action, object_type, object_id, value, currency, "
            "channel_group from {} where person_id = ? "
            f"order by occurred_at desc, activity_id limit {ACTIVITIES}",
            "activity",
            "activities",
        )
        return [
            (
                row["occurred_at"],
                row["source"],
                row["action"],
                " ".join(filter(None, (row["object_type"], _object(row, numbers)))),
                amount_of(row["value"], row["currency"]),
                row["channel_group"],
            )
            for row in rows
        ]

    def orders(self) -> list[tuple]:
        """Return the person's orders, the newest first."""
        return [
            (
                row["order_number"],
                times.day(row["placed_at"], self._zone),
                amount_of(row["amount"], row["currency"]),
                row["status"],
                row["activities"],
            )
            for row in reversed(self._orders)
        ]

    @cached_property
    def _orders(self) -> list[Row]:
        return self._fetch(
            "select * from {} where person_id = ? order by order_number",
            "activity",
            "person_orders",
        )

    def contactability(self) -> list[tuple]:
        """Return per channel and purpose whether the person may be contacted, and why.

        And the yes or no that counts: its source, the source's word, and when it was said.
        """
        rows = self._fetch(
            "select channel, purpose, is_allowed, reason, decided_by, decided_by_signal, "
            "decided_at from {} where person_id = ? order by purpose, channel",
            "marts",
            "contactability",
        )
        return [tuple(row.values()) for row in rows]

    def audiences(self) -> list[tuple]:
        """Return every audience: in or out, and which parts of its rule hold."""
        rows = self._fetch(
            "select audience, is_contactable, contact_reason from {} where person_id = ?",
            "marts",
            "audience_members",
        )
        member = {row["audience"]: row for row in rows}
        parts = parts_of_person(self._warehouse, self.person_id)
        told: list[tuple] = []
        for name in sorted({audience for audience, *_ in parts}):
            row = member.get(name)
            if row is None:
                why = "the rule does not hold"
            elif row["is_contactable"]:
                why = "the rule holds; may be contacted"
            else:
                why = f"the rule holds; held back: {row['contact_reason']}"
            told.append((name, row is not None, why))
            for audience, part, holds, done in parts:
                if audience == name:
                    reached = f" ({done} reached, {part.needed} needed)" if part.needed else ""
                    indent = part.words[: len(part.words) - len(part.words.lstrip())]
                    mark = "yes" if holds else "no"
                    told.append(("", None, f"{indent}{mark}: {part.words.lstrip()}{reached}"))
        return told

    def deliveries(self, settings: Settings) -> list[tuple]:
        """Return the last deliveries of the person's keys, over all syncs."""
        found = [
            (one.at, one.sync, one.field, one.operation, one.outcome, one.reason)
            for spec in load_specs(settings.project_dir)
            if object_of(spec).is_of_persons
            for one in in_ledger(
                self._warehouse, spec.name, keys_of(self._warehouse, spec, self.person_id)
            )
        ]
        found.sort(key=lambda row: row[0], reverse=True)
        return found[:DELIVERIES]


def amount_of(value: float | None, currency: str | None) -> str | None:
    """Return an amount in words; None where there is none."""
    return f"{value:,.0f} {currency or ''}".strip() if value else None


def _show_identity(reader: _Person) -> None:
    columns = ("type", "identifier", "rule", "sources", "first seen", "last seen", "evidence")
    ui.table("Identifiers", columns, reader.identifiers())
    columns = ("identifier", "with", "rule", "source", "evidence", "so")
    ui.table("What ties them", columns, reader.edges(), empty="nothing: one identifier alone")


def _effect(edge: Row) -> str:
    if edge["is_quarantined"]:
        return "in quarantine, joins nobody"
    return "cut by a decision, joins nobody" if edge["is_cut"] else "joins"


def _object(row: Row, numbers: Mapping[str, int]) -> str | None:
    """An object's id, unless it is a person's own, such as an application's or an order's."""
    if row["object_type"] == "order" and row["object_id"] in numbers:
        return f"{numbers[row['object_id']]} of {len(numbers)}"
    own = row["source"] not in OF_THINGS or row["object_type"] in (None, "order")
    own = own or row["action"] == "completed_application"
    return mask("object", row["object_id"]) if own and row["object_id"] else row["object_id"]
