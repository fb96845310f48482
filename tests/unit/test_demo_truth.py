"""The demo's truth, compared with the files that the company has, person by person, in Python.

The truth is what the generator made happen. The files must bear it out: whose an identifier is, who
acted where a user id stands, what could be known from logins and records, what was said last. What
no file says (who sat there without a login) is only in the truth.
"""

import csv
import itertools
import json
import re
import unicodedata
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import fastavro
import openpyxl
import pytest

from madang.demo import generate

AS_OF = datetime.fromisoformat("2026-11-01T12:00:00+09:00")
LOOKS = [AS_OF, datetime.fromisoformat("2026-10-21T09:30:00+09:00")]
TOLD_BY_BRAZE = {
    "users.messages.email.Bounce": "email",
    "users.messages.email.MarkAsSpam": "email",
    "users.messages.email.Unsubscribe": "email",
    "users.behaviors.subscription.GlobalStateChange": "email",
    "users.behaviors.subscriptiongroup.StateChange": "sms",
}


def _day(n: float) -> timedelta:
    return timedelta(days=n)


class Files:
    """What stands in the company's files, and the truth beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.customers = list(self._workbook())
        self.orders = self._csv("shop/orders_*.csv")
        self.consents = self._csv("consent/*.csv")
        self.inquiries = self._csv("inquiries/*.csv")
        self.contacts = self._csv("salesforce/contacts_*.csv")
        self.individuals = self._csv("salesforce/individuals_*.csv")
        self.braze = [
            event | {"type": re.search("event_type=([^/]+)", str(path)).group(1)}
            for path in sorted((root / "inbox/braze").rglob("*.avro"))
            for event in fastavro.reader(path.open("rb"))
        ]
        self.outcomes = {row["outcome_id"]: row for row in self._outcomes()}.values()
        self.events = self._events()
        self.owners = defaultdict(set)
        for kind, value, person in self.truth(
            "identifiers", "identifier_type, identifier_value, person"
        ):
            self.owners[(kind, value)].add(person)
        self.parts = defaultdict(list)
        for device, session, *part in self.truth(
            "sessions",
            "user_pseudo_id, ga_session_id, epoch_us(started_at), epoch_us(ended_at), actor, "
            "by_login, by_sighting, by_record, device_kind, events",
        ):
            self.parts[(device, session)].append(part)

    def truth(self, table: str, columns: str = "*") -> list[tuple]:
        return duckdb.sql(f"select {columns} from '{self.root}/truth/{table}.parquet'").fetchall()

    def part(self, event: dict) -> list:
        """The part of its session that an event lies in."""
        (part,) = [
            part
            for part in self.parts[(event["device"], event["session"])]
            if part[0] <= event["us"] <= part[1]
        ]
        return part

    def named(self, row: dict) -> str | None:
        """Whom a row names by its number, else by an address of one person."""
        keys = [("crm_id", row.get("customer_no")), ("email", row.get("email"))]
        for key in [*keys, ("phone", row.get("phone"))]:
            if key[1] and len(self.owners[key]) == 1:
                return next(iter(self.owners[key]))
        return None

    def _workbook(self):
        path = max((self.root / "inbox/crm").iterdir())
        for row in openpyxl.load_workbook(path).active.iter_rows(min_row=4, values_only=True):
            number, name, phone, email, _, _, registered = row
            if number == "합계" or number.startswith("C99"):
                continue
            assert registered
            yield {
                "customer_no": number,
                "name": name,
                "phone": _phone(phone),
                "email": _email(email),
            }

    def _csv(self, pattern: str) -> list[dict]:
        rows = []
        for path in sorted((self.root / "inbox").glob(pattern)):
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    clean = {key: value or None for key, value in row.items()}
                    phone = clean.get("phone") or clean.get("MobilePhone")
                    email = clean.get("email") or clean.get("Email")
                    rows.append(clean | {"phone": _phone(phone), "email": _email(email)})
        return rows

    def _outcomes(self):
        for path in sorted((self.root / "inbox/offline").iterdir()):
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                    at = datetime.fromisoformat(row["occurred_at"])
                except ValueError:
                    continue
                yield row | {"phone": _phone(row["phone"]), "at": at}

    def _events(self) -> list[dict]:
        def text(key: str) -> str:
            return f"list_filter(event_params, lambda p: p.key = '{key}')[1].value.string_value"

        rows = duckdb.sql(f"""
            with once as (from (select distinct e from read_parquet('{self.root}/ga4/*') as e))
            select
                row_number() over (order by e.event_timestamp, e.batch_event_index) as n,
                e.user_pseudo_id as device, e.event_timestamp as at, e.event_name as name,
                e.user_id, event_session as session, page, tab, product, application_id,
                e.ecommerce.transaction_id as transaction_id
            from (
                select e,
                    list_filter(e.event_params, lambda p: p.key = 'ga_session_id')[1]
                        .value.int_value as event_session,
                    regexp_extract({text("page_location")}, 'example(/[^?]*)', 1) as page,
                    {text("tab")} as tab,
                    {text("product")} as product,
                    {text("application_id")} as application_id
                from (select e, e.event_params as event_params from once)
            )
            order by n
        """)
        names = rows.columns
        epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        return [
            event | {"us": event["at"], "at": epoch + timedelta(microseconds=event["at"])}
            for event in (dict(zip(names, row, strict=True)) for row in rows.fetchall())
        ]


def _phone(value: object) -> str | None:
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", str(value or "")))
    digits = digits.removeprefix("82").removeprefix("0")
    return f"+82{digits}" if digits else None


def _email(value: str | None) -> str | None:
    return value.strip().lower() if value else None


@pytest.fixture(scope="module", params=LOOKS, ids=["at the end", "eleven days earlier"])
def files(request, tmp_path_factory) -> Files:
    out = tmp_path_factory.mktemp("truth")
    generate(out, people=700, days=45, until=request.param)
    read = Files(out)
    read.as_of = request.param
    return read


def test_every_identifier_in_a_file_is_somebodys(files: Files):
    found = {("crm_id", row["customer_no"]) for row in files.customers}
    found |= {("user_id", e["user_id"]) for e in files.events if e["user_id"]}
    found |= {("salesforce_id", row["Id"]) for row in files.contacts}
    found |= {("braze_id", event["user_id"]) for event in files.braze}
    for row in [*files.customers, *files.orders, *files.inquiries, *files.outcomes]:
        found |= {("email", row.get("email")), ("phone", row.get("phone"))}
    assert {key for key in found if key[1]} == set(files.owners)
    shared = {(kind, value) for kind, value in files.owners if len(files.owners[(kind, value)]) > 1}
    assert shared == {
        (kind, value)
        for kind, value, is_shared in files.truth(
            "identifiers", "identifier_type, identifier_value, is_shared"
        )
        if is_shared
    }
    assert {kind for kind, _ in shared} == {"email", "phone"}


def test_a_record_is_of_somebody_who_holds_all_that_stands_in_it(files: Files):
    person_of = {row[:2]: row[2] for row in files.truth("records", "source, record_id, person")}
    rows = [("crm", row["customer_no"], row) for row in files.customers]
    rows += [("shop", row["order_id"], row) for row in files.orders]
    rows += [("offline", row["outcome_id"], row) for row in files.outcomes]
    rows += [("inquiry", row["inquiry_id"], row) for row in files.inquiries]
    rows += [("salesforce", row["Id"], row) for row in files.contacts]
    rows += [("consent", r["consent_id"], r) for r in files.consents if r.get("consent_id")]
    for source, record, row in rows:
        person = person_of[(source, record)]
        for key in (
            ("crm_id", row.get("customer_no")),
            ("email", row.get("email")),
            ("phone", row.get("phone")),
        ):
            assert not key[1] or person in files.owners[key], (source, record, key[0])
    assert {(source, record) for source, record, _ in rows} == set(person_of)


def test_somebody_is_registered_twice_and_only_the_contacts_tell(files: Files):
    twice = files.truth("people", "count(*) filter (customer_numbers > 1)")[0][0]
    assert twice >= 3


def test_every_event_lies_in_the_part_of_one_person(files: Files):
    counted: Counter = Counter()
    for event in files.events:
        if event["device"] and event["session"]:
            part = files.part(event)
            counted[(event["device"], event["session"], part[0])] += 1
            if event["user_id"]:
                assert files.owners[("user_id", event["user_id"])] == {part[2]}
    told = {
        (device, session, part[0]): part[-1]
        for (device, session), parts in files.parts.items()
        for part in parts
    }
    assert told == counted


def test_what_could_be_known_stands_in_the_files(files: Files):
    """A login, a user id or a record of the person: on a device of theirs, or in that visit."""
    logins, sightings, records = set(), set(), set()
    named = defaultdict(set)
    for row in [*files.orders, *files.outcomes, *files.inquiries]:
        for id_ in (row.get("order_id"), row.get("application_id")):
            if id_ and (person := files.named(row)):
                named[id_].add(person)
    for event in files.events:
        if not event["device"] or not event["session"]:
            continue
        is_own = files.part(event)[-2] in ("personal", "family")
        place = event["device"], None if is_own else event["session"]
        who = files.owners.get(("user_id", event["user_id"]), set())
        sightings |= {(place, person) for person in who}
        if event["name"] == "login":
            logins |= {(place, person) for person in who}
        if event["name"] in ("purchase", "generate_lead"):
            id_ = event["application_id"] or event["transaction_id"]
            records |= {(place, person) for person in named.get(id_, ())}
    seen: Counter = Counter()
    for (device, session), parts in files.parts.items():
        for _, _, actor, by_login, by_sighting, by_record, kind, _ in parts:
            place = device, None if kind in ("personal", "family") else session
            expected = [(place, actor) in known for known in (logins, sightings, records)]
            assert [by_login, by_sighting, by_record] == expected, (device, session)
            seen[(by_login, by_sighting, by_record)] += 1
    assert {(False, True, False), (False, False, True), (True, True, False)} <= set(seen)


def test_some_things_are_so_that_no_rule_could_find(files: Files):
    """Else the truth would be a copy of what a product may do."""
    in_others_name = duckdb.sql(f"""
        select count(*) from (
            select actor, is_login,
                last_value(case when is_login then actor end ignore nulls) over (
                    partition by user_pseudo_id order by started_at, part
                    rows between unbounded preceding and 1 preceding) as last_login
            from '{files.root}/truth/sessions.parquet' where device_kind = 'family')
        where not is_login and actor <> last_login""").fetchall()[0][0]
    assert in_others_name > 0
    for_others = files.truth("conversions", "count(*) filter (applicant <> person)")[0][0]
    assert for_others > 0
    without_id = files.truth(
        "outcomes", "count(*) filter (not is_noted and application_id is not null)"
    )[0][0]
    assert without_id > 0


def _seen_acts(files: Files) -> dict[str, list[dict]]:
    """What people did where a login or a user id of theirs tells of them; echoes once."""
    acts = defaultdict(list)
    for event in files.events:
        if event["device"] and event["session"]:
            part = files.part(event)
            if part[4] and part[2]:
                acts[part[2]].append(event)
    for person, events in acts.items():
        kept, last = [], {}
        for event in events:
            view = event["device"], event["page"]
            if event["name"] == "page_view":
                if event["us"] - last.get(view, 0) < 1_000_000:
                    continue
                last[view] = event["us"]
            kept.append(event)
        acts[person] = kept
    return acts


def test_audiences_are_of_who_did_what_their_rules_ask_for(files: Files):
    expected: dict[str, set[str]] = defaultdict(set)
    for person, events in _seen_acts(files).items():
        recent = [e for e in events if files.as_of - e["at"] <= _day(30)]
        views = [e["page"] for e in recent if e["name"] == "page_view"]
        tabs = {
            e["tab"] for e in recent if e["name"] == "select_tab" and e["page"] == "/models/maru9"
        }
        if views.count("/models/maru9") >= 3 or tabs & {"exterior", "driving", "accessories"}:
            expected["flagship_interest"].add(person)
        if "/branches/yeouido" in views:
            expected["yeouido_branch"].add(person)
        drives = [e for e in events if e["product"] == "test_drive"]
        clicks = [e["at"] for e in drives if e["name"] == "apply_click"]
        leads = [e["at"] for e in drives if e["name"] == "generate_lead"]
        is_due = clicks and timedelta(hours=1) <= files.as_of - clicks[-1] <= _day(14)
        if is_due and not any(lead >= clicks[-1] for lead in leads):
            expected["test_drive_abandoners"].add(person)
        sent = [e for e in events if e["product"] == "charger" and e["name"] == "generate_lead"]
        if sent and _day(1) <= files.as_of - sent[-1]["at"] <= _day(60):
            number = sent[-1]["application_id"]
            told = {row["status"] for row in files.outcomes if row["application_id"] == number}
            if told <= {"confirmed"}:
                expected["waiting_for_a_date"].add(person)
    really, seen = defaultdict(set), defaultdict(set)
    for audience, person, by_login, _ in files.truth("audiences"):
        really[audience].add(person)
        if by_login:
            seen[audience].add(person)
    for audience, people in expected.items():
        # Who went on where nobody could see it is no member after all.
        assert seen[audience] == people & really[audience]
        if audience not in ("test_drive_abandoners", "waiting_for_a_date"):
            assert people <= really[audience]
    assert min(map(len, expected.values())) > 0
    assert len(really["yeouido_branch"]) > len(seen["yeouido_branch"])


def test_what_is_allowed_is_the_last_answer_wherever_it_was_given(files: Files):
    answers: dict[tuple, list] = defaultdict(list)
    for row in files.consents:
        if row["status"] != "confirmed":
            at = datetime.fromisoformat(row["occurred_at"])
            answers[(files.named(row), row["channel"])].append((at, row["status"] == "withdrawn"))
    person_of = {
        user: next(iter(files.owners[("braze_id", user)]))
        for user in {event["user_id"] for event in files.braze}
    }
    for event in files.braze:
        if event["type"] in TOLD_BY_BRAZE:
            key = person_of[event["user_id"]], TOLD_BY_BRAZE[event["type"]]
            answers[key].append((datetime.fromtimestamp(event["time"], UTC), True))
    refusing = {row["Id"]: row for row in files.individuals if row["HasOptedOutSolicit"] == "true"}
    for row in files.contacts:
        (person,) = files.owners[("salesforce_id", row["Id"])]
        channels = ["email"] if row["HasOptedOutOfEmail"] == "true" else []
        channels += ["sms", "kakao"] if row["DoNotCall"] == "true" else []
        at = row["SystemModstamp"]
        if row["IndividualId"] in refusing:
            channels += ["email", "sms", "kakao", "push", "ads"]
            at = refusing[row["IndividualId"]]["SystemModstamp"]
        for channel in channels:
            answers[(person, channel)].append((datetime.fromisoformat(at), True))
    kinds = Counter()
    for person, channel, is_allowed, last, said_in, has_address, is_told in files.truth(
        "contactability"
    ):
        kinds[said_in] += 1
        if is_told:
            said = max(answers[(person, channel)], default=None)
            assert last == (None if said is None else not said[1]), (person, channel)
        assert is_allowed == bool(last and has_address)
    assert {"consent_log", "braze_bounce", "salesforce_do_not_call"} <= set(kinds)


def test_each_answer_stands_until_the_next(files: Files):
    spans = defaultdict(list)
    for person, channel, valid_from, valid_to in files.truth(
        "permissions", "person, channel, valid_from, valid_to"
    ):
        spans[(person, channel)].append((valid_from, valid_to))
    for standing in spans.values():
        standing.sort()
        assert standing[-1][1] is None
        assert all(a[1] == b[0] for a, b in itertools.pairwise(standing))
    moments = set(files.truth("permission_changes", "person, channel, said_at"))
    assert moments == {(*key, span[0]) for key, all_ in spans.items() for span in all_}


def test_the_funnel_counts_every_chain_of_steps_within_thirty_days(files: Files):
    steps: dict[str, list[list[datetime]]] = defaultdict(lambda: [[], [], [], []])
    for person, events in _seen_acts(files).items():
        for event in events:
            if event["name"] == "page_view" and event["page"].startswith("/models/"):
                steps[person][0].append(event["at"])
            if event["name"] == "apply_click" and event["product"] == "test_drive":
                steps[person][1].append(event["at"])
            if event["name"] == "generate_lead" and event["product"] == "test_drive":
                steps[person][2].append(event["at"])
    for row in files.outcomes:
        person = files.named(row)
        if row["status"] == "visited" and row["product"] == "test_drive" and person:
            steps[person][3].append(row["at"])

    def depth(times: list[list[datetime]]) -> int:
        best = 0
        for first in times[0]:
            at, reached = first, 1
            for step in times[1:]:
                later = [t for t in step if at < t <= first + _day(30)]
                if not later:
                    break
                at, reached = min(later), reached + 1
            best = max(best, reached)
        return best

    expected = {person: depth(times) for person, times in steps.items() if depth(times)}
    told = files.truth("funnel_people", "person, depth, depth_by_login, depth_by_record")
    assert {person: by_login for person, _, by_login, _ in told if by_login} == expected
    assert all(depth >= by_record >= by_login for _, depth, by_login, by_record in told)
    counts = [len([d for _, d, *_ in told if d >= step]) for step in (1, 2, 3, 4)]
    assert [row[2] for row in files.truth("funnel")] == counts
    assert counts[0] > counts[1] > counts[2] > counts[3] > 0


def test_orders_and_conversions_have_the_fate_of_their_last_record(files: Files):
    latest = {}
    for row in files.orders:
        version = row["updated_at"], row["status"], float(row["amount"]), row["currency"]
        latest[row["order_id"]] = max(latest.get(row["order_id"], ("",)), version)
    truth = files.truth("orders", "order_id, fate, net_amount, currency")
    assert {row[0] for row in truth} == set(latest)
    for order, fate, net, currency in truth:
        _, status, amount, noted = latest[order]
        assert (status, noted) == ("paid" if fate == "item_refunded" else fate, currency)
        assert float(net) == (amount if status == "paid" else 0)
    assert {"item_refunded", "cancelled"} <= {fate for _, fate, *_ in truth}
    last: dict[str, tuple] = {}
    for row in files.outcomes:
        if row["application_id"]:
            seen = last.get(row["application_id"], (datetime.min.replace(tzinfo=UTC), ""))
            last[row["application_id"]] = max(seen, (row["at"], row["status"]))
    words = {"해지": "churned", "일정변경": "postponed"}
    fates = dict(files.truth("conversions", "application_id, fate"))
    applied = {e["application_id"] for e in files.events if e["application_id"]}
    assert set(fates) == applied
    noted = {application for application in last if application in fates}
    assert all(fates[a] == words.get(last[a][1], last[a][1]) for a in noted)
    assert {"visited", "cancelled"} <= set(fates.values())


def test_totals_reconcile_with_the_export(files: Files):
    totals = defaultdict(dict)
    for metric, day, kind, value in files.truth("totals", "metric, event_date, kind, value"):
        totals[metric][(day and f"{day:%Y%m%d}", kind)] = value
    raw = duckdb.sql(f"""
        select event_date, filename.contains('intraday') as is_intraday, count(*)
        from read_parquet('{files.root}/ga4/*', filename = true) group by all
    """).fetchall()
    assert totals["raw_events"] == {
        (day, "intraday" if intraday else "daily"): rows for day, intraday, rows in raw
    }
    assert sum(totals["distinct_events"].values()) == len(files.events)
    sessions = {(e["device"], e["session"]) for e in files.events if e["session"]}
    assert totals["sessions"] == {(None, None): len(sessions)}
    purchases = [e for e in files.events if e["name"] == "purchase"]
    assert totals["purchase_events_distinct"] == {(None, None): len(purchases)}
    refunds = [e for e in files.events if e["name"] == "refund"]
    assert totals["refund_events_distinct"] == {(None, None): len(refunds)}
    numbers = {e["transaction_id"] for e in purchases} - {None, "", "(not set)"}
    orders = files.truth("orders", "order_id, transaction_id, reports")
    assert numbers == {order for order, tag, reports in orders if reports and tag == order}
    assert totals["web_orders"] == {(None, None): len([1 for *_, reports in orders if reports])}
