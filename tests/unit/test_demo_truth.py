"""The demo's truth, worked out a second time: from the files alone, person by person, in Python.

Whatever the documented rules say about the exported files must be what the truth tables say. So
a correct product can reach every figure, and no figure depends on what only the generator knows.
"""

import csv
import json
import re
import unicodedata
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import fastavro
import openpyxl
import pytest

from madang.demo import generate

AS_OF = datetime.fromisoformat("2026-11-01T12:00:00+09:00")
LOOKS = [AS_OF, datetime.fromisoformat("2026-10-21T09:30:00+09:00")]


def _day(n: float) -> timedelta:
    return timedelta(days=n)


class Files:
    """What a product can read, and the people it can make out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.customers = list(self._workbook())
        self.orders = self._csv("shop/orders_*.csv")
        self.consents = self._csv("consent/*.csv")
        self.inquiries = self._csv("inquiries/*.csv")
        self.braze = {
            (event["user_id"], event["external_user_id"])
            for path in (root / "inbox/braze").rglob("*.avro")
            for event in fastavro.reader(path.open("rb"))
        }
        self.outcomes = {row["outcome_id"]: row for row in self._outcomes()}.values()
        self.events = self._events()
        self.person_of, self.quarantined = self._resolve()
        self.known = self._owners()

    def truth(self, table: str, columns: str = "*") -> list[tuple]:
        return duckdb.sql(f"select {columns} from '{self.root}/truth/{table}.parquet'").fetchall()

    def subject(self, event: dict) -> str | None:
        if event["device"] is None:
            return None
        return self.known[event["n"]] or f"D:{event['device']}"

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
                    phone, email = _phone(clean["phone"]), _email(clean["email"])
                    rows.append(clean | {"phone": phone, "email": email})
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
                e.user_id, event_session as session, page, tab, product, application_id
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
            event | {"at": epoch + timedelta(microseconds=event["at"])}
            for event in (dict(zip(names, row, strict=True)) for row in rows.fetchall())
        ]

    def _resolve(self) -> tuple[dict[tuple, str], set[tuple]]:
        """Persons by joining rows that share an e-mail or phone that is one person's only."""
        names, numbers = defaultdict(set), defaultdict(set)
        rows = []
        for row in self.customers + self.orders:
            keys = [key for key in _keys(row) if key[1]]
            rows.append(keys)
            for key in keys:
                names[key].add(re.sub(r"\s", "", unicodedata.normalize("NFC", row["name"])))
                if row["customer_no"]:
                    numbers[key].add(row["customer_no"])
        # An inquiry carries no name: what several customers or addresses share in it is no tie.
        others = defaultdict(set)
        for row in self.customers + self.orders + self.inquiries:
            email, phone = ("email", row["email"]), ("phone", row["phone"])
            if email[1] and phone[1]:
                others[email].add(phone)
                others[phone].add(email)
        for row in self.inquiries:
            first, *rest = [key for key in _keys(row) if key[1]]
            if row["customer_no"]:
                for key in rest:
                    numbers[key].add(row["customer_no"])
            for key in rest:
                came = [numbers[key]] if row["customer_no"] else [others[first], others[key]]
                rows.append([first, key] if max(map(len, came)) <= 1 else [key])
            rows.append([first])
        rows += [[("crm_id", number), ("braze_id", user)] for user, number in self.braze]
        contacts = [key for key in names if key[0] != "crm_id"]
        bad = {key for key in contacts if len(names[key]) > 1 or len(numbers[key]) > 3}
        leader: dict[tuple, tuple] = {}

        def find(key: tuple) -> tuple:
            while leader.setdefault(key, key) != key:
                key = leader[key]
            return key

        # An outcome says only that its number exists.
        rows += [[("phone", row["phone"])] for row in self.outcomes if row["phone"]]
        for keys in rows:
            joined = [key for key in keys if key not in bad]
            for key in joined:
                leader[find(key)] = find(joined[0])
        return {key: find(key) for key in leader}, bad

    def _owners(self) -> dict[int, str | None]:
        """Event by event, whom the ownership rule names; persons in the truth's own words."""
        name_of = {row[0]: row[1] for row in self.truth("identifiers", "identifier_value, person")}
        by_device = defaultdict(list)
        for event in self.events:
            if event["device"]:
                by_device[event["device"]].append(event)
        owner: dict[int, str | None] = {event["n"]: None for event in self.events}
        for events in by_device.values():
            logins = [e for e in events if e["user_id"]]
            if not logins:
                continue
            people = {name_of[e["user_id"]] for e in logins}
            first_of_session: dict[int, dict] = {}
            for login in logins:
                first_of_session.setdefault(login["session"], login)
            past = None
            for event in events:
                if event["user_id"]:
                    past = event
                in_session = first_of_session.get(event["session"])
                if len(people) >= 3:
                    who = event
                elif in_session and event["at"] < in_session["at"] and past:
                    who = in_session
                elif past:
                    who = past if event["at"] - past["at"] <= _day(90) else event
                else:
                    who = logins[0] if logins[0]["at"] - event["at"] <= _day(30) else event
                owner[event["n"]] = name_of.get(who["user_id"])
        return owner


def _keys(row: dict) -> list[tuple]:
    return [("crm_id", row["customer_no"]), ("email", row["email"]), ("phone", row["phone"])]


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


def test_persons_can_be_made_out_from_the_files_exactly(files: Files):
    truth = {
        (kind, value): person
        for kind, value, person, is_shared in files.truth(
            "identifiers", "identifier_type, identifier_value, person, is_shared"
        )
        if kind != "user_id" and not is_shared
    }
    made_out = {
        key: person for key, person in files.person_of.items() if key not in files.quarantined
    }
    assert set(made_out) == set(truth)
    pairs = {(truth[key], made_out[key]) for key in truth}
    assert len(pairs) == len({real for real, _ in pairs}) == len({made for _, made in pairs})
    shared = {
        (kind, v)
        for kind, v, is_shared in files.truth(
            "identifiers", "identifier_type, identifier_value, is_shared"
        )
        if is_shared
    }
    assert shared == files.quarantined
    assert len([kind for kind, _ in shared if kind == "phone"]) >= 2


def test_somebody_is_registered_twice_and_only_the_contacts_tell(files: Files):
    twice = files.truth("people", "count(*) filter (customer_numbers > 1)")[0][0]
    assert twice >= 3


def test_sessions_say_who_acted_and_whom_the_rule_names(files: Files):
    counted: Counter = Counter()
    for event in files.events:
        if event["device"]:
            counted[(event["device"], event["session"], files.known[event["n"]])] += 1
    told: Counter = Counter()
    for device, session, known, events in files.truth(
        "sessions", "user_pseudo_id, ga_session_id, knowable_person, events"
    ):
        told[(device, session, known)] += events
    assert told == counted


def test_the_rule_names_somebody_else_only_where_nothing_is_decided(files: Files):
    """On a family's computer a wrong name is possible, but never on a step or an audience."""
    spans = defaultdict(list)
    for row in files.truth(
        "sessions",
        "user_pseudo_id, ga_session_id, knowable_person, actor, device_kind, "
        "epoch_us(started_at), epoch_us(ended_at)",
    ):
        spans[row[:3]].append(row[3:])
    wrong = 0
    for event in files.events:
        known = files.known[event["n"]]
        if not known:
            continue
        at = round(event["at"].timestamp() * 1_000_000)
        actors = {
            (actor, kind)
            for actor, kind, start, end in spans[(event["device"], event["session"], known)]
            if start <= at <= end
        }
        if {actor for actor, _ in actors} == {known}:
            continue
        wrong += 1
        assert {kind for _, kind in actors} == {"family"}
        assert event["name"] not in {"select_tab", "apply_click", "generate_lead", "purchase"}
        assert not event["page"].startswith(("/models/", "/branches/"))
    assert 0 < wrong < 0.04 * len([n for n, person in files.known.items() if person])


def _audiences(files: Files) -> dict[str, set[str]]:
    acts = defaultdict(list)
    for event in files.events:
        subject = files.subject(event)
        if subject:
            acts[subject].append(event)
    found: dict[str, set[str]] = defaultdict(set)
    for subject, events in acts.items():
        recent = [e for e in events if files.as_of - e["at"] <= _day(30)]
        views = [e["page"] for e in recent if e["name"] == "page_view"]
        tabs = {e["tab"] for e in recent if e["name"] == "select_tab"}
        if views.count("/models/maru9") >= 3 or tabs & {"exterior", "driving", "accessories"}:
            found["flagship_interest"].add(subject)
        if "/branches/yeouido" in views:
            found["yeouido_branch"].add(subject)
        drives = [e for e in events if e["product"] == "test_drive"]
        clicks = [e["at"] for e in drives if e["name"] == "apply_click"]
        leads = [e["at"] for e in drives if e["name"] == "generate_lead"]
        is_due = clicks and timedelta(hours=1) <= files.as_of - clicks[-1] <= _day(14)
        if is_due and not any(lead >= clicks[-1] for lead in leads):
            found["test_drive_abandoners"].add(subject)
    return found


def test_audiences_are_whom_the_rules_name(files: Files):
    expected = _audiences(files)
    assert min(len(members) for members in expected.values()) > 0
    truth = defaultdict(set)
    for audience, person in files.truth("audiences"):
        truth[audience].add(person)
    anonymous = dict(files.truth("audience_anonymous"))
    for audience, subjects in expected.items():
        assert truth[audience] == {s for s in subjects if s.startswith("P")}
        assert anonymous[audience] == len([s for s in subjects if s.startswith("D:")])


def test_contactability_is_the_last_answer_and_an_address(files: Files):
    person_of = {
        (kind, value): person
        for kind, value, person, shared in files.truth(
            "identifiers", "identifier_type, identifier_value, person, is_shared"
        )
        if not shared
    }
    answers: dict[tuple, list] = defaultdict(list)
    for row in files.consents:
        person = next(person_of[key] for key in _keys(row) if key in person_of)
        answers[(person, row["channel"])].append(
            (row["occurred_at"], row["status"] == "withdrawn", row["status"])
        )
    addresses = {(person, kind) for (kind, _), person in person_of.items()}
    truth = {row[:2]: row[2:] for row in files.truth("contactability")}
    assert len({person for person, _ in truth}) == len(set(person_of.values()))
    reasons = Counter()
    for (person, channel), (is_allowed, reason) in truth.items():
        told = max(answers[(person, channel)], default=None)
        kind = {"email": "email", "sms": "phone", "kakao": "phone"}.get(channel)
        if told is None:
            expected = "no_consent"
        elif told[1]:
            expected = "withdrawn"
        else:
            expected = "allowed" if (person, kind) in addresses else "no_address"
        if channel == "email" and expected == "allowed" and reason in ("complained", "bounced"):
            expected = reason  # what Braze was told is in its events
        assert (reason, is_allowed) == (expected, expected == "allowed"), (person, channel)
        reasons[reason] += 1
    assert set(reasons) >= {"allowed", "withdrawn", "no_consent", "no_address"}


def test_the_waterfall_of_an_audience_gives_everybody_one_reason(files: Files):
    contact = {row[:2]: row[3] for row in files.truth("contactability")}
    rows = files.truth("audience_contactable")
    assert len(rows) == len(files.truth("audiences"))
    for _, person, is_contactable, reason in rows:
        told = [contact[(person, channel)] for channel in ("kakao", "email")]
        order = ["allowed", "no_address", "bounced", "complained", "withdrawn", "no_consent"]
        assert reason == min(told, key=order.index)
        assert is_contactable == (reason == "allowed")


def test_the_funnel_counts_every_chain_of_steps_within_thirty_days(files: Files):
    name_of = {
        (kind, value): person
        for kind, value, person, shared in files.truth(
            "identifiers", "identifier_type, identifier_value, person, is_shared"
        )
        if not shared
    }
    steps: dict[str, list[list[datetime]]] = defaultdict(lambda: [[], [], [], []])
    applicants, browsers = {}, {}
    for event in files.events:
        subject = files.subject(event)
        if not subject:
            continue
        if event["name"] == "page_view" and event["page"].startswith("/models/"):
            steps[subject][0].append(event["at"])
        if event["name"] == "apply_click" and event["product"] == "test_drive":
            steps[subject][1].append(event["at"])
        if event["name"] == "generate_lead":
            applicants[event["application_id"]] = files.known[event["n"]]
            browsers[event["application_id"]] = subject
            if event["product"] == "test_drive":
                steps[subject][2].append(event["at"])
    for row in files.outcomes:
        if row["status"] == "visited" and row["product"] == "test_drive":
            who = (
                applicants.get(row["application_id"])
                or name_of.get(("crm_id", row["customer_no"]))
                or name_of.get(("phone", row["phone"]))
                or browsers.get(row["application_id"])
            )
            if who:
                steps[who][3].append(row["at"])

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

    expected = {subject: depth(times) for subject, times in steps.items() if depth(times)}
    assert dict(files.truth("funnel_subjects")) == expected
    counts = [len([d for d in expected.values() if d >= step]) for step in (1, 2, 3, 4)]
    assert [row[2] for row in files.truth("funnel")] == counts
    assert counts[0] > counts[1] > counts[2] > counts[3] > 0


def test_orders_and_conversions_have_the_fate_of_their_last_record(files: Files):
    latest = {}
    for row in files.orders:
        latest[row["order_id"]] = max(
            latest.get(row["order_id"], ("", "", 0)),
            (row["updated_at"], row["status"], int(row["amount"])),
        )
    truth = {order: (fate, net) for order, _, fate, net in files.truth("orders")}
    assert truth == {
        order: (status, amount if status == "paid" else 0)
        for order, (_, status, amount) in latest.items()
    }
    last: dict[str, tuple] = {}
    for row in files.outcomes:
        if row["application_id"]:
            seen = last.get(row["application_id"], (datetime.min.replace(tzinfo=AS_OF.tzinfo), ""))
            last[row["application_id"]] = max(seen, (row["at"], row["status"]))
    fates = dict(files.truth("conversions", "application_id, fate"))
    applied = {e["application_id"] for e in files.events if e["application_id"]}
    assert set(fates) == applied
    assert all(
        fates[application] == last[application][1] for application in last if application in fates
    )
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
    sessions = {(e["device"], e["session"]) for e in files.events if e["device"]}
    assert totals["sessions"] == {(None, None): len(sessions)}
    bought = duckdb.sql(f"""
        select distinct e.event_timestamp, e.user_pseudo_id, e.event_bundle_sequence_id,
            e.ecommerce.transaction_id, e.ecommerce.purchase_revenue
        from read_parquet('{files.root}/ga4/*') as e where e.event_name = 'purchase'
    """).fetchall()
    subject_at = {(e["at"], e["device"]): files.subject(e) for e in files.events}
    orders, placeholders = {}, []
    for at, device, _, transaction, revenue in bought:
        moment = datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(microseconds=at)
        if transaction in (None, "", "(not set)"):
            placeholders += [revenue] if revenue else []
        else:
            orders[(subject_at[(moment, device)], transaction)] = revenue
    assert totals["purchase_events_distinct"][(None, None)] == len(bought)
    assert totals["orders_deduplicated"][(None, None)] == len(orders) + len(placeholders)
    revenue = sum(orders.values()) + sum(placeholders)
    assert totals["revenue_deduplicated"][(None, None)] == revenue
