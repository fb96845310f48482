"""What hangs on a person who is to be taken apart: audiences, what was sent, activities, revenue.

Every activity and every value that was sent goes to one side: that of the identifier by which it
came to the person. Activities of the web go by who was logged in, else by whose record was made
there, as `device_owners` says it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from madang import ui
from madang.build.dbt_environment import project_vars
from madang.people.identifiers import TYPES, Neighbourhood, chunks, key_of, surrogate_key
from madang.settings.workspace import Settings
from madang.sync import ledger
from madang.sync.spec import load_specs
from madang.warehouse import Row, Warehouse

#: Sources of which a record may have several activities: their object is the record.
BY_OBJECT = ("shop", "inquiry", "salesforce")
NOBODY = "nobody"
EITHER = "cannot be told"
TABLES = (
    ("identity", "identity_records"),
    ("identity", "record_persons"),
    ("identity", "record_sightings"),
    ("staging", "ga4_logins"),
    ("activity", "actions"),
    ("activity", "activities"),
    ("marts", "audience_members"),
)
Sides = Mapping[str, str]  # identifier key → name of the side


@dataclass
class Radius:
    """Counts by side. `sent` is by (side, sync, field, operation, status)."""

    audiences: list[Row] = field(default_factory=list)
    sent: Counter[tuple[str, ...]] = field(default_factory=Counter)
    activities: Counter[tuple[str, str]] = field(default_factory=Counter)
    worth: dict[tuple[str, str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )


def measure(settings: Settings, warehouse: Warehouse, sides: Sides, persons: list[str]) -> Radius:
    """Return what the persons have now, and to which side each part of it goes."""
    radius = Radius()
    found = _of_persons(warehouse, "marts", "audience_members", "*", persons)
    radius.audiences = sorted(found, key=lambda row: (row["person_id"], row["audience"]))
    _measure_sent(settings, warehouse, sides, persons, radius)
    rows = _of_persons(
        warehouse,
        "activity",
        "activities",
        "activity_id, source, action, object_id, device_id, session_key, occurred_at, "
        "activity_order, value, currency",
        persons,
    )
    side_of = _sides_of_activities(settings, warehouse, sides, persons, rows)
    for row in rows:
        side = side_of[row["activity_id"]]
        radius.activities[side, row["source"]] += 1
        if row["value"]:
            radius.worth[side, row["action"], row["currency"] or ""].append(row["value"])
    return radius


def show(radius: Radius, title: str = "Blast radius") -> None:
    """Print it; nothing in it is personal."""
    ui.line(f"\n{title}", "bold")
    ui.table(
        "Audiences now",
        ("person", "audience", "may be contacted", "why"),
        [
            (
                f"{row['person_id'][:8]}…",
                row["audience"],
                row["is_contactable"],
                row["contact_reason"],
            )
            for row in radius.audiences
        ],
        empty="none",
    )
    ui.table(
        "Sent until now",
        ("side", "sync", "field", "operation", "status", "values"),
        [(*what, number) for what, number in sorted(radius.sent.items())],
        empty="nothing",
    )
    ui.table(
        "Activities",
        ("side", "source", "activities"),
        [(*what, number) for what, number in sorted(radius.activities.items())],
    )
    ui.table(
        "Conversions and revenue",
        ("side", "action", "currency", "activities", "value"),
        [
            (*what, len(values), f"{sum(values):,.0f}")
            for what, values in sorted(radius.worth.items())
        ],
    )


def _of_persons(
    warehouse: Warehouse, layer: str, table: str, columns: str, persons: Iterable[str]
) -> list[Row]:
    rows: list[Row] = []
    for piece, marks in chunks(persons):
        sql = f"select {columns} from {warehouse.relation(layer, table)} where person_id in"
        rows += warehouse.fetch(f"{sql} ({marks})", piece)
    return rows


def _measure_sent(
    settings: Settings, warehouse: Warehouse, sides: Sides, persons: list[str], radius: Radius
) -> None:
    """Count the deliveries under the keys of the persons: customer numbers and their like."""
    if not warehouse.exists(ledger.LAYER, "sync_deliveries"):
        return
    known = _of_persons(
        warehouse,
        "identity",
        "person_identifiers",
        "identifier_key, identifier_type, identifier_value",
        persons,
    )
    by_key: dict[str, set[str]] = defaultdict(set)
    for row in known:
        by_key[row["identifier_value"]].add(sides.get(row["identifier_key"], EITHER))
    deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
    for spec in load_specs(settings.project_dir):
        if not warehouse.exists("activation", spec.model):
            continue
        wanted = _of_persons(warehouse, "activation", spec.model, "distinct sync_key", persons)
        keys = {row["sync_key"] for row in wanted if row["sync_key"]} | by_key.keys()
        for piece, marks in chunks(keys):
            for row in warehouse.fetch(
                f"select sync_key, field, operation, status from {deliveries} "
                f"where sync = ? and sync_key in ({marks})",
                [spec.name, *piece],
            ):
                found = by_key.get(row["sync_key"], {EITHER})
                side = min(found) if len(found) == 1 else EITHER
                what = (side, spec.name, row["field"], row["operation"], row["status"])
                radius.sent[what] += 1


def _sides_of_activities(
    settings: Settings, warehouse: Warehouse, sides: Sides, persons: list[str], rows: list[Row]
) -> dict[str, str]:
    """Return activity_id → side."""
    records = _sides_of_records(warehouse, sides, persons)
    messages = _sides_of_messages(warehouse, sides, persons)
    found = _Web(settings, warehouse, sides, records, rows).sides
    applications: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row["activity_order"]):
        if row["action"] == "completed_application" and row["object_id"]:
            applications.setdefault(row["object_id"], found.get(row["activity_id"], EITHER))
    for row in rows:
        if row["source"] == "offline" and row["object_id"] in applications:
            found[row["activity_id"]] = applications[row["object_id"]]
        elif row["source"] in BY_OBJECT:
            found[row["activity_id"]] = _side_of_object(records, row)
        elif row["source"] == "braze":
            found[row["activity_id"]] = messages.get(row["activity_id"], EITHER)
        elif row["source"] != "ga4":
            found[row["activity_id"]] = records.get((row["source"], row["activity_id"]), EITHER)
    return {row["activity_id"]: found.get(row["activity_id"], EITHER) for row in rows}


def _sides_of_records(
    warehouse: Warehouse, sides: Sides, persons: list[str]
) -> dict[tuple[str, str], str]:
    """Return the side of each record, by source and by what its activity is called after."""
    found = {}
    for piece, marks in chunks(persons):
        for row in warehouse.fetch(
            f"""
            select records.source, records.record_id, records.crm_id, records.salesforce_id,
                records.braze_id, records.email_hash as email, records.phone_hash as phone
            from {warehouse.relation("identity", "identity_records")} as records
            inner join {warehouse.relation("identity", "record_persons")} as known
                on records.source = known.source and records.record_id = known.record_id
            where known.person_id in ({marks})""",
            piece,
        ):
            by = [
                sides[key]
                for kind in TYPES
                if row.get(kind) and (key := key_of(kind, row[kind])) in sides
            ]
            by.sort(key=lambda side: side == NOBODY)
            name = _record_name(row["source"], row["record_id"])
            found[row["source"], name] = by[0] if by else EITHER
    return found


def _record_name(source: str, record_id: str) -> str:
    """What the activities of a record are called after: their object, else their own id."""
    return record_id if source in BY_OBJECT else surrogate_key(source, record_id)


def _side_of_object(records: dict[tuple[str, str], str], row: Row) -> str:
    """The side of the record; of an opportunity or a case the one that all contacts have."""
    found = records.get((row["source"], row["object_id"]))
    sides = {side for (source, _), side in records.items() if source == row["source"]}
    return found or (min(sides) if len(sides) == 1 else EITHER)


def _sides_of_messages(warehouse: Warehouse, sides: Sides, persons: list[str]) -> dict[str, str]:
    """Return activity_id → side of what Braze says: by customer number, else by Braze's own id."""
    if not warehouse.exists("staging", "base_braze__events"):
        return {}
    events = warehouse.relation("staging", "base_braze__events")
    found = {}
    known = _of_persons(
        warehouse, "identity", "person_identifiers", "identifier_type, identifier_value", persons
    )
    for kind, column in (("braze_id", "braze_user_id"), ("crm_id", "external_user_id")):
        for one in known:
            key = key_of(kind, one["identifier_value"])
            if one["identifier_type"] == kind and key in sides:
                sql = f"select event_id from {events} where {column} = ?"
                for row in warehouse.fetch(sql, [one["identifier_value"]]):
                    found[surrogate_key("braze", row["event_id"])] = sides[key]
    return found


class _Web:
    """Activities of the web: who is logged in on the event, else whose the device was then."""

    def __init__(
        self,
        settings: Settings,
        warehouse: Warehouse,
        sides: Sides,
        records: Mapping[tuple[str, str], str],
        rows: list[Row],
    ) -> None:
        self._sides = sides
        web = [row for row in rows if row["source"] == "ga4"]
        users: dict[str, Any] = {}
        for piece, marks in chunks(row["activity_id"] for row in web):
            sql = "select action_key, user_id from " + warehouse.relation("activity", "actions")
            for row in warehouse.fetch(f"{sql} where action_key in ({marks})", piece):
                users[row["action_key"]] = row["user_id"]
        self._logins: dict[str, list[Row]] = defaultdict(list)
        self._records: dict[str, list[Row]] = defaultdict(list)
        for piece, marks in chunks({row["device_id"] for row in web if row["device_id"]}):
            for row in warehouse.fetch(
                f"""
                select logins.device_id, logins.session_key, logins.user_id, logins.first_at,
                    known.identifier_key, known.person_id
                from {warehouse.relation("staging", "ga4_logins")} as logins
                inner join {warehouse.relation("identity", "person_identifiers")} as known
                    on logins.user_id = known.identifier_value
                    and known.identifier_type = 'user_id'
                where logins.device_id in ({marks})
                order by logins.first_order""",
                piece,
            ):
                side = sides.get(row["identifier_key"], row["person_id"])
                self._logins[row["device_id"]].append({**row, "side": side})
            self._add_records(warehouse, records, piece, marks)
        shared = int(project_vars(settings.project_dir).get("shared_device_persons", 3))
        self._shared = {
            device
            for device, logins in self._logins.items()
            if len({row["side"] for row in logins}) >= shared
        }
        self.sides = {row["activity_id"]: self._side(row, users) for row in web}

    def _add_records(
        self,
        warehouse: Warehouse,
        records: Mapping[tuple[str, str], str],
        devices: list,
        marks: str,
    ) -> None:
        """Whose records were made on these devices."""
        relation = warehouse.relation("identity", "record_sightings")
        for row in warehouse.fetch(
            f"""
            select device_id, session_key, event_at as first_at, source, record_id, person_id
            from {relation}
            where person_id is not null and device_id in ({marks})
            order by event_order""",
            devices,
        ):
            name = _record_name(row["source"], row["record_id"])
            side = records.get((row["source"], name), row["person_id"])
            self._records[row["device_id"]].append({**row, "side": side})

    def _side(self, row: Row, users: Mapping[str, str | None]) -> str:
        user = users.get(row["activity_id"])
        if user and (key := key_of("user_id", user)) in self._sides:
            return self._sides[key]
        logins = self._logins.get(row["device_id"], [])
        records = self._records.get(row["device_id"], [])
        is_shared = row["device_id"] in self._shared
        nearby = [] if is_shared else [_in_session(logins, row)]
        nearby += [_in_session(records, row)]
        nearby += [] if is_shared else [logins, records]
        for near in nearby:
            before = [one for one in near if one["first_at"] <= row["occurred_at"]]
            if near:
                return before[-1]["side"] if before else near[0]["side"]
        return NOBODY if is_shared else EITHER


def _in_session(sightings: list[Row], row: Row) -> list[Row]:
    return [one for one in sightings if one["session_key"] == row["session_key"]]


def sides_of(neighbourhood: Neighbourhood, groups: Mapping[str, Iterable[str]]) -> Sides:
    """Return the side of every identifier; `groups` are the names of sides with their keys."""
    return {key: name for name, keys in groups.items() for key in keys}
