"""Visits that only a record can name: guests, gifts, applications for others, kiosks, call centres.

Three builds: the first day alone; with the second day and the records of both; and all from
nothing, which must be what the increments came to.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo_workspace import AS_OF, MARU, Ended, Tables, madang, tables_of
from export_files import Row, write
from raw_events import DAY, event

NEXT_DAY = "20261031"
MOMENT = "2026-10-31T15:00:00+09:00"
OUTCOMES = "outcome_id product application_id customer_no phone status occurred_at"
ORDERS = "order_id customer_no email phone name status ordered_at updated_at amount currency"
CUSTOMERS = "customer_no name phone email tier region registered_at"
PHONES = {f"C{number}": f"010-2345-67{number:02}" for number in range(1, 10)}
COMPARED = ("device_owners", "device_runs", "record_sightings", "record_visits", "identity_map")


class Visits:
    """Events of visits: each has a device, a session of its own and what was done in it."""

    def __init__(self) -> None:
        self.events: dict[str, list[Row]] = {DAY: [], NEXT_DAY: []}
        self.sessions: dict[str, int] = {}

    def visit(self, name: str, device: str, *done: Row, day: str = DAY, user: str = "") -> None:
        number = 1000 + len(self.sessions)
        self.sessions[name] = number
        start = number * 20 + (86400 if day == NEXT_DAY else 0)
        more = {"user_id": user} if user else {}
        opened = event("page_view", start, day=day, **more)
        closed = event("page_view", start + 15, day=day, **more)
        for row in (opened, *(self._at(one, start, day) for one in done), closed):
            row["user_pseudo_id"] = device
            row["event_params"][0]["value"] = {"int_value": number}
            self.events[day].append(row)

    def _at(self, row: Row, start: int, day: str) -> Row:
        later = event("any", start + 5 + row.pop("after", 0), day=day)
        return row | {key: later[key] for key in ("event_date", "event_timestamp")}


def applied(number: str, product: str = "charger", **more: object) -> Row:
    return event("generate_lead", params={"application_id": number, "product": product}) | more


def bought(number: str) -> Row:
    return event("purchase", ecommerce={"transaction_id": number, "purchase_revenue": 10.0})


def visits() -> Visits:
    made = Visits()
    # a guest: a visit before, one with an application, one after
    made.visit("guest before", "guest")
    made.visit("guest applies", "guest", applied("A1"))
    made.visit("guest after", "guest", day=NEXT_DAY)
    # a guest's order; the record names the customer by the address
    made.visit("order", "shopper", bought("ORDER-1"))
    made.visit("order after", "shopper", day=NEXT_DAY)
    # one who logs in at home: a member of the family orders as a guest, and then an own order
    made.visit("home login", "home", user="C3")
    made.visit("home order", "home", bought("ORDER-2"))
    made.visit("home after", "home", day=NEXT_DAY)
    # somebody who applies for somebody else while logged in
    made.visit("for another", "helper", applied("A5"), user="C5")
    made.visit("for another, after", "helper", day=NEXT_DAY)
    # one who applies for oneself, then for somebody else, never logged in
    made.visit("own", "giver", applied("A6"))
    made.visit("own, for another", "giver", applied("A7"))
    made.visit("own, after", "giver", day=NEXT_DAY)
    # a call centre: two customers in one visit, and one visit without any
    made.visit("calls", "centre", applied("A8"), applied("A9", after=5))
    made.visit("calls, no record", "centre", day=NEXT_DAY)
    # nobody's application: the record has no person
    made.visit("nobody", "stranger", applied("A4"))
    return made


@dataclass
class Story:
    root: Path
    sessions: dict[str, int]
    told: dict[str, Ended]

    def persons(self, tables: Tables) -> dict[str, str | None]:
        """The customer whom each visit has."""
        found = dict(
            tables.rows("""
                select ga_session_id, identifier_value
                from madang_activity.sessions as sessions
                inner join madang_identity.person_identifiers as known
                    on sessions.person_id = known.person_id and known.identifier_type = 'crm_id'""")
        )
        return {name: found.get(number) for name, number in self.sessions.items()}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("records")
    text = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    made = visits()
    one = Story(root, made.sessions, {})
    customers = [
        [number, f"김{name}", phone, f"{number.lower()}@mail.example", "", "", "2026-01-01"]
        for (number, phone), name in zip(PHONES.items(), "하나두리세네다섯여", strict=True)
    ]
    put(root / "inbox/crm/customers.csv", CUSTOMERS, customers)
    write(made.events[DAY], root / f"ga4/events_{DAY}.parquet")
    one.told["first"] = build(root)
    write(made.events[NEXT_DAY], root / f"ga4/events_{NEXT_DAY}.parquet")
    of_whom = {"A1": "C1", "A5": "C4", "A6": "C6", "A7": "C7", "A8": "C8", "A9": "C9"}
    outcomes = [
        [f"V-{number}", "charger", number, "", PHONES[who], "confirmed", MOMENT]
        for number, who in of_whom.items()
    ]
    # of nobody
    outcomes += [["V-A4", "charger", "A4", "", "", "confirmed", MOMENT]]
    put(root / "inbox/offline/outcomes.csv", OUTCOMES, outcomes)
    orders = [
        ["ORDER-1", "", "c2@mail.example", "", "김두", "paid", MOMENT, MOMENT, "10", ""],
        ["ORDER-2", "", "c4@mail.example", "", "김세", "paid", MOMENT, MOMENT, "10", ""],
    ]
    put(root / "inbox/shop/orders.csv", ORDERS, orders)
    one.told["second"] = build(root)
    one.told["person"] = madang(root, "explain", "person", "C1", COLUMNS="200")
    yield one


def put(path: Path, header: str, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(), *rows])


def build(root: Path, *arguments: str) -> Ended:
    for step in (("load",), ("build", *arguments)):
        ended = madang(root, *step, COLUMNS="200")
        assert ended.code in (0, 3), ended.told
    return ended


def test_every_visit_has_the_person_whom_its_record_can_name(story: Story) -> None:
    with tables_of(story.root) as tables:
        assert story.persons(tables) == {
            "guest before": "C1",
            "guest applies": "C1",
            "guest after": "C1",
            "order": "C2",
            "order after": "C2",
            # the family's member has the visit, the one who logs in has the device
            "home login": "C3",
            "home order": "C4",
            "home after": "C3",
            # who is logged in is there, whoever the record is about
            "for another": "C5",
            "for another, after": "C5",
            # two persons' records: each has the visit, and nobody the device
            "own": "C6",
            "own, for another": "C7",
            "own, after": None,
            "calls": None,
            "calls, no record": None,
            "nobody": None,
        }


def test_of_a_clerks_visit_each_application_has_its_own_person(story: Story) -> None:
    with tables_of(story.root) as tables:
        applications = dict(
            tables.rows("""
                select object_id, identifier_value
                from madang_activity.activities as activities
                left join madang_identity.person_identifiers as known
                    on activities.person_id = known.person_id and known.identifier_type = 'crm_id'
                where action = 'completed_application'""")
        )
    assert applications == {
        "A1": "C1",
        "A4": None,
        "A5": "C5",
        "A6": "C6",
        "A7": "C7",
        "A8": "C8",
        "A9": "C9",
    }


def test_a_record_is_told_as_such_and_joins_no_two_persons(story: Story) -> None:
    with tables_of(story.root) as tables:
        rules = dict(
            tables.rows("""
                select identifier_value, string_agg(distinct rule, ', ' order by rule)
                from madang_identity.identity_map where identifier_type = 'device' group by all""")
        )
        persons = tables.value("""
            select count(distinct person_id) from madang_identity.person_identifiers
            where identifier_type = 'crm_id'""")
    assert rules == {
        "guest": "record",
        "shopper": "record",
        "home": "logged in, record",
        "helper": "logged in",
        "giver": "record",
        "centre": "record",
    }
    assert persons == len(PHONES)
    told = story.told["person"]
    assert told.code == 0
    assert "record" in told.out, told.told
    assert PHONES["C1"][-4:] not in told.out


def test_what_met_nothing_is_counted_and_listed(story: Story) -> None:
    with tables_of(story.root) as tables:
        rates = tables.rows("""
            select source, met, rule, is_met, records, round(share, 3)
            from madang_marts.record_match_rates
            where source in ('offline', 'shop') order by all""")
        unmatched = tables.rows("""
            select source, record_id, why_no_person, why_no_visit, why_no_application
            from madang_marts.unmatched_records where source in ('offline', 'shop')""")
    assert rates == [
        ("offline", "application", "number", True, 7, 1.0),
        ("offline", "person", "no identifier", False, 1, 0.143),
        ("offline", "person", "phone", True, 6, 0.857),
        ("offline", "visit", "application", True, 7, 1.0),
        ("shop", "person", "email", True, 2, 1.0),
        ("shop", "visit", "order", True, 2, 1.0),
    ]
    assert unmatched == [("offline", "V-A4", "no identifier", None, None)]


def test_an_increment_comes_to_what_a_build_from_nothing_does(story: Story) -> None:
    with tables_of(story.root) as tables:
        before = {name: content(tables, name) for name in COMPARED}
        sessions = story.persons(tables)
    build(story.root, "--full-refresh")
    with tables_of(story.root) as tables:
        assert {name: content(tables, name) for name in COMPARED} == before
        assert story.persons(tables) == sessions


def content(tables: Tables, name: str) -> list[tuple]:
    return tables.rows(f"from madang_identity.{name} order by all")
