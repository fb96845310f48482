"""Shows what a decision changes: who is who, audiences, what is sent, activities and revenue.

Reads the tables that are there and those that `what_if` built, by SQL, and shows nothing personal.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from madang import ui
from madang.build.beside import SCRATCH, scratch
from madang.people.identifiers import TYPES, Identifier, chunks, in_words
from madang.settings.workspace import Settings
from madang.sync import diff, ledger
from madang.sync.destinations.registry import object_of
from madang.sync.spec import load_specs
from madang.warehouse import Row, Warehouse

NO_PERSON = "no person"
#: What is counted of each person, now and then: title, columns, (layer, table), what is selected.
COUNTED = (
    (
        "Devices",
        ("devices", "from", "until"),
        ("identity", "identity_map"),
        "count(distinct identifier_value), min(valid_from), max(valid_to)",
        "and identifier_type = 'device' group by person_id",
    ),
    (
        "Audiences",
        ("audience", "may be contacted", "why"),
        ("marts", "audience_members"),
        "audience, is_contactable, contact_reason",
        "",
    ),
    (
        "Activities",
        ("source", "activities"),
        ("activity", "activities"),
        "source, count(*)",
        "group by person_id, source",
    ),
    (
        "Conversions and revenue",
        ("action", "currency", "activities", "value"),
        ("activity", "activities"),
        "action, currency, count(*), sum(value)",
        "and value <> 0 group by person_id, action, currency",
    ),
)


@dataclass(frozen=True)
class _Persons:
    """The persons touched, each with what it is called: those until now, and those who will be.

    `identifiers` has one row for each identifier of any of them.
    """

    now: Mapping[str, str]
    then: Mapping[str, str]
    identifiers: list[Row]


def show(settings: Settings, warehouse: Warehouse, named: Sequence[Identifier]) -> None:
    """Print the difference for all persons whom it touches, and for those of `named`.

    A person who will be is called by the one of `named` that it has, else by its strongest
    identifier; one of now by its person_id.
    """
    found = _touched(warehouse, named)
    words = in_words(warehouse, map(_identifier, found))
    persons = _named(found, named, words)
    ui.table(
        "Who is who",
        ("person then", "identifier", "person now"),
        [
            (
                persons.then.get(row["person_then"], NO_PERSON),
                words[row["identifier_key"]],
                persons.now.get(row["person_now"], NO_PERSON),
            )
            for row in persons.identifiers
        ],
    )
    for title, columns, place, selected, rest in COUNTED:
        rows = list(_now_and_then(warehouse, persons, place, selected, rest))
        ui.table(title, ("when", "person", *columns), rows)
    sent = list(_sent(settings, warehouse, persons))
    columns = ("when", "person", "sync", "field", "operation", "status", "values")
    ui.table("What was sent, and what the next plan would send", columns, sent, empty="nothing")


def _touched(warehouse: Warehouse, named: Sequence[Identifier]) -> list[Row]:
    """Return the identifiers of all persons who gain or lose an identifier, device or activity."""
    pairs = warehouse.fetch(f"""
        select distinct person_now, person_then
        from (
            select now_map.person_id as person_now, then_map.person_id as person_then
            from {warehouse.relation("identity", "identity_map")} as now_map
            full outer join {scratch(warehouse, "identity", "identity_map")} as then_map
                on now_map.identifier_type = then_map.identifier_type
                and now_map.identifier_value = then_map.identifier_value
                and coalesce(now_map.valid_from, timestamp '1970-01-01 00:00:00')
                = coalesce(then_map.valid_from, timestamp '1970-01-01 00:00:00')
            union all
            select now_rows.person_id as person_now, then_rows.person_id as person_then
            from {warehouse.relation("activity", "activities")} as now_rows
            full outer join {scratch(warehouse, "activity", "activities")} as then_rows
                on now_rows.activity_id = then_rows.activity_id
        ) as pairs
        where coalesce(person_now, '') <> coalesce(person_then, '')""")
    now = {one.person_id for one in named} | {row["person_now"] for row in pairs}
    then = {row["person_then"] for row in pairs}
    found: dict[str, Row] = {}
    for column, persons in (("now_ids.person_id", now), ("then_ids.person_id", then)):
        for piece, marks in chunks(persons - {None}):
            for row in warehouse.fetch(
                f"""
                select
                    coalesce(now_ids.identifier_key, then_ids.identifier_key) as identifier_key,
                    coalesce(now_ids.identifier_type, then_ids.identifier_type) as identifier_type,
                    coalesce(now_ids.identifier_value, then_ids.identifier_value)
                        as identifier_value,
                    now_ids.person_id as person_now,
                    then_ids.person_id as person_then
                from {warehouse.relation("identity", "person_identifiers")} as now_ids
                full outer join {scratch(warehouse, "identity", "person_identifiers")} as then_ids
                    on now_ids.identifier_key = then_ids.identifier_key
                where {column} in ({marks})""",
                piece,
            ):
                found[row["identifier_key"]] = row
    return list(found.values())


def _identifier(row: Row) -> Identifier:
    place = (row["identifier_key"], row["identifier_type"], row["identifier_value"])
    return Identifier(*place, row["person_then"], None)


def _named(found: list[Row], named: Sequence[Identifier], words: Mapping[str, str]) -> _Persons:
    """Give everybody a name and the identifiers an order: by person, the strongest first."""
    first = {one.key: number for number, one in enumerate(named)}
    found = sorted(
        found,
        key=lambda row: (
            first.get(row["identifier_key"], len(first)),
            TYPES.index(row["identifier_type"]),
            row["identifier_key"],
        ),
    )
    now = {row["person_now"]: f"{row['person_now'][:8]}…" for row in found if row["person_now"]}
    then: dict[str, str] = {}
    for row in found:
        if row["person_then"]:
            then.setdefault(row["person_then"], words[row["identifier_key"]])
    taken = Counter(then.values())
    then = {
        person: name if taken[name] == 1 else f"{name} ({person[:8]}…)"
        for person, name in then.items()
    }
    order = {person: number for number, person in enumerate(then)}
    found.sort(key=lambda row: order.get(row["person_then"], len(order)))
    return _Persons(now, then, found)


def _now_and_then(
    warehouse: Warehouse, persons: _Persons, place: tuple[str, str], selected: str, rest: str
) -> Iterator[tuple]:
    for when, relation, names in (
        ("now", warehouse.relation(*place), persons.now),
        ("then", scratch(warehouse, *place), persons.then),
    ):
        rows = [
            row
            for piece, marks in chunks(names)
            for row in warehouse.fetch(
                f"select person_id, {selected} from {relation} "
                f"where person_id in ({marks}) {rest} order by 1, 2",
                piece,
            )
        ]
        for row in rows:
            person, *values = row.values()
            yield when, names[person], *values


def _sent(settings: Settings, warehouse: Warehouse, persons: _Persons) -> Iterator[tuple]:
    """Count deliveries until now, and what the sync's own difference has for the person's keys."""
    if not warehouse.exists(ledger.LAYER, "sync_deliveries"):
        return
    deliveries = warehouse.relation(ledger.LAYER, "sync_deliveries")
    for spec in load_specs(settings.project_dir):
        if not all(
            warehouse.exists(layer, spec.model) for layer in ("activation", SCRATCH + "activation")
        ):
            continue  # never built, or it does not hang on persons
        is_now, will_be = (
            warehouse.relation("activation", spec.model),
            scratch(warehouse, "activation", spec.model),
        )
        wanted = diff.wanted(will_be, settings.warehouse.type)
        target = object_of(spec)
        delivered = diff.delivered(deliveries, spec.name, target)
        changes = diff.changes(wanted, delivered, diff.waiting(will_be), target)
        of_now = _by_key(warehouse, persons, "person_now", is_now, persons.now)
        of_then = {**of_now, **_by_key(warehouse, persons, "person_then", will_be, persons.then)}
        for when, names, sql, values in (
            (
                "now",
                of_now,
                f"select sync_key, field, operation, status from {deliveries} where sync = ? and",
                [spec.name],
            ),
            (
                "then",
                of_then,
                f"select sync_key, field, operation, 'to send' as status "
                f"from ({changes}) as changes where",
                [],
            ),
        ):
            counted: Counter[tuple[str, ...]] = Counter()
            for piece, marks in chunks(names):
                for row in warehouse.fetch(f"{sql} sync_key in ({marks})", [*values, *piece]):
                    key, *what = row.values()
                    counted[names[key], *what] += 1
            for (person, *what), number in sorted(counted.items()):
                yield when, person, spec.name, *what, number


def _by_key(
    warehouse: Warehouse, persons: _Persons, column: str, model: str, names: Mapping[str, str]
) -> dict[str, str]:
    """Return whose key at a destination each is: of the model's rows, or an identifier itself."""
    keys = {row["identifier_value"]: row[column] for row in persons.identifiers if row[column]}
    for piece, marks in chunks(names):
        sql = f"select distinct sync_key, person_id from {model} where person_id in ({marks})"
        keys |= {row["sync_key"]: row["person_id"] for row in warehouse.fetch(sql, piece)}
    return {key: names[person] for key, person in keys.items() if key}
