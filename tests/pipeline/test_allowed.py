"""500 random histories of yes and no, told by every source, against an oracle of a few lines.

Once as they were built, and once as they are at sending: then more people have said no, to files
that were loaded and to the receiver, and nothing was built since.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from demo_workspace import AS_OF, copied_project, madang
from madang.sandbox.braze import BrazeSandbox
from madang.settings.workspace import load_settings
from madang.sync.now import rows_now
from madang.sync.spec import find_spec, load_specs
from madang.warehouse import open_warehouse
from receiver_calls import Running, key_for

PEOPLE = 500
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LOADED = datetime(2026, 10, 30)
CHANNELS = ("email", "sms", "kakao")
KEY = "sandbox-key"
TABLES = ("crm_customers", "consent_events", "braze_events")
TABLES += ("salesforce_contacts", "salesforce_individuals")
EVERYBODY = "{{ audience() }}\n"
RULE = """
models:
  - name: aud_everybody
    description: One row per known person.
    config:
      materialized: view
      meta:
        audience:
          label: Everybody
          within: 30 days
          rule: {not: {has: orders, at_least: 1}}
          consent: {purpose: marketing, channels: [email, sms, kakao]}
"""
#: What somebody may say, to whom, and on which channels it counts; None is the channel of the log.
YES, IMPORT, NO, NOTHING = "yes", "import", "no", "nothing"
WORDS = {
    "granted": (YES, None),
    "granted by import": (IMPORT, None),
    "withdrawn": (NO, None),
    "withdrawn by address": (NO, None),
    "withdrawn by unknown number": (NO, None),
    "confirmed": (NOTHING, None),
    "users.messages.email.Unsubscribe": (NO, ("email",)),
    "users.messages.email.MarkAsSpam": (NO, ("email",)),
    "users.messages.email.Delivery": (NOTHING, ("email",)),
    "users.messages.email.Bounce": ("bounce", ("email",)),
    "unsubscribed": (NO, ("email",)),
    "subscribed": (NOTHING, ("email",)),
    "opted_in by rest_api": (NOTHING, ("email",)),
    "opted_in by preference_center": (YES, ("email",)),
    "has_opted_out_of_email": (NO, ("email",)),
    "do_not_call": (NO, ("sms", "kakao")),
    "has_opted_out_solicit": (NO, CHANNELS),
}
OF_SALESFORCE = ("has_opted_out_of_email", "do_not_call", "has_opted_out_solicit")


@dataclass
class Person:
    number: int
    has_left: bool
    said: list[tuple[int, str, str]] = field(default_factory=list)  # hour, word, channel

    @property
    def email(self) -> str:
        return f"p{self.number}@maru.example"

    @property
    def phone(self) -> str:
        return f"010-2000-{self.number:04d}"

    @property
    def customer_no(self) -> str:
        return f"C{self.number:05d}"


def may_be_told(person: Person, channel: str) -> bool:
    """The oracle: go through what a person said, in order; at one moment a no comes last."""
    is_open = was_closed = is_bounced = False
    for _, word, of in sorted(
        person.said, key=lambda one: (one[0], WORDS[one[1]][0] in (NO, "bounce"))
    ):
        meaning, channels = WORDS[word]
        if channel not in (channels or (of,)):
            continue
        if meaning == NO:
            is_open, was_closed = False, True
        elif meaning == YES:
            is_open, is_bounced = True, False
        elif meaning == IMPORT:
            is_open = is_open or not was_closed
        elif meaning == "bounce":
            is_bounced = True
    return is_open and not is_bounced and not person.has_left


def moment(hour: int) -> datetime:
    return BEGAN + timedelta(hours=hour)


def random_people(chance: random.Random) -> list[Person]:
    people = []
    for number in range(PEOPLE):
        person = Person(number, has_left=chance.random() < 0.05)
        for _ in range(chance.randrange(9)):
            # few hours, so that much is said at one moment; more yes than its share of the words
            word = chance.choice([*WORDS, "granted", "granted", "granted", "granted"])
            if word in OF_SALESFORCE and any(word == one[1] for one in person.said):
                continue
            person.said.append((chance.randrange(12), word, chance.choice(CHANNELS)))
        people.append(person)
    return people


def consent(person: Person, hour: int, word: str, channel: str) -> dict:
    by_number = {"customer_no": person.customer_no}
    address = {"email": person.email} if channel == "email" else {"phone": person.phone}
    named = {
        "withdrawn by address": address,
        "withdrawn by unknown number": {"customer_no": f"X{person.number}", **address},
    }.get(word, by_number)
    return {
        **named,
        "channel": channel,
        "purpose": "marketing",
        "status": word.split()[0],
        "occurred_at": moment(hour).isoformat(),
        "collected_via": "Import" if word == "granted by import" else "my_page",
    }


def braze(person: Person, hour: int, word: str) -> dict:
    kind, _, source = word.partition(" by ")
    event = {
        "user_id": f"b{person.number}",
        "external_user_id": person.customer_no,
        "time": str(int(moment(hour).timestamp())),
        "email_address": person.email,
        "event_type": kind,
    }
    if not kind.startswith("users."):
        event |= {
            "event_type": "users.behaviors.subscription.GlobalStateChange",
            "subscription_status": kind,
            "channel": "email",
            "state_change_source": source.replace("_", " ").title() or "dashboard",
        }
    return event


def salesforce(person: Person, hour: int, word: str) -> tuple[str, dict]:
    state = {"modified_at": moment(hour).isoformat(), word: "true"}
    if word == "has_opted_out_solicit":
        return "individuals", {"id": f"0PK{person.number:012d}AAA", **state}
    return "contacts", {"id": f"003{person.number:012d}AAA", **state}


def raw_rows(people: list[Person]) -> dict[str, list[dict]]:
    """What the sources have of these people, by raw table."""
    rows: dict[str, list[dict]] = {name: [] for name in TABLES}
    for person in people:
        for hour, word, channel in person.said:
            if word in OF_SALESFORCE:
                table, row = salesforce(person, hour, word)
                rows[f"salesforce_{table}"].append(row)
            elif WORDS[word][1] is None:
                rows["consent_events"].append(consent(person, hour, word, channel))
            else:
                rows["braze_events"].append(braze(person, hour, word))
    return rows


def land(root: Path, rows: dict[str, list[dict]], loaded_at: datetime) -> None:
    """Write rows to the raw tables, as text, where the loader would have put them."""
    with duckdb.connect(str(root / "warehouse.duckdb")) as warehouse:
        warehouse.execute("create schema if not exists madang_raw")
        for table, listed in rows.items():
            for number, row in enumerate(listed):
                if table == "braze_events":
                    row = {"id": f"{loaded_at:%H}-{number}", **row}
                full = {
                    **row,
                    "_file": "f",
                    "_sha256": f"{table}{loaded_at:%m%d%H}",
                    "_row": number,
                    "_loaded_at": row.get("_loaded_at", loaded_at),
                }
                types = {"_row": "bigint", "_loaded_at": "timestamp"}
                columns = ", ".join(f'"{name}" {types.get(name, "varchar")}' for name in full)
                warehouse.execute(f"create table if not exists madang_raw.{table} ({columns})")
                known = {
                    one[0] for one in warehouse.execute(f"describe madang_raw.{table}").fetchall()
                }
                for name in full.keys() - known:
                    warehouse.execute(f'alter table madang_raw.{table} add column "{name}" varchar')
                names = ", ".join(f'"{name}"' for name in full)
                marks = ", ".join("?" * len(full))
                warehouse.execute(
                    f"insert into madang_raw.{table} ({names}) values ({marks})",
                    list(full.values()),
                )


@dataclass
class Company:
    root: Path
    people: list[Person]

    def sent(self, sql: str) -> set[tuple[str, str]]:
        """Customer numbers and channels of a query's fields."""
        with duckdb.connect(str(self.root / "warehouse.duckdb"), read_only=True) as warehouse:
            rows = warehouse.execute(
                f"select sync_key, field from ({sql}) as rows where held_back_reason is null"
            ).fetchall()
        return {(key, name.rpartition("_")[2]) for key, name in rows}

    def wanted(self) -> set[tuple[str, str]]:
        return {
            (person.customer_no, channel)
            for person in self.people
            for channel in CHANNELS
            if may_be_told(person, channel)
        }


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    root = tmp_path_factory.mktemp("allowed")
    project = copied_project(root / "project")
    (project / "models/marts/audiences/aud_everybody.sql").write_text(EVERYBODY)
    (project / "models/marts/audiences/_everybody.yml").write_text(RULE.lstrip())
    text = f"version: 1\nas_of: {AS_OF}\nproject: project\n"
    text += "destinations:\n  braze: {url: 'http://127.0.0.1:9', key_env: MADANG_BRAZE_KEY}\n"
    (root / "madang.yml").write_text(text)
    (root / "inbox").mkdir()
    people = random_people(random.Random(13))
    rows = raw_rows(people)
    for person in people:
        # who left is in an older upload only
        loaded_at = LOADED - timedelta(days=9 * person.has_left)
        row = {"customer_no": person.customer_no, "name": f"홍길동{person.number}"}
        row |= {"email": person.email, "phone": person.phone, "registered_at": "2025-01-01"}
        rows["crm_customers"].append({**row, "_loaded_at": loaded_at})
        contact = {"id": f"003{person.number:012d}AAA", "customer_no": person.customer_no}
        contact |= {"individual_id": f"0PK{person.number:012d}AAA"}
        contact |= {"modified_at": moment(-24).isoformat(), "do_not_call": "false"}
        rows["salesforce_contacts"].append(contact)
    for row in rows["salesforce_contacts"]:  # each state of a record is whole
        number = int(row["id"][3:15])
        row |= {"customer_no": people[number].customer_no, "individual_id": f"0PK{number:012d}AAA"}
    land(root, rows, LOADED)
    built = madang(root, "build", "--select", "+sync_braze__users")
    assert built.code in (0, 3), built.told
    yield Company(root, people)


def test_what_is_built_is_what_the_oracle_allows(company: Company) -> None:
    wanted = company.wanted()
    assert company.sent("from madang_activation.sync_braze__users") == wanted
    assert {channel for _, channel in wanted} == set(CHANNELS)
    assert 100 < len(wanted) < PEOPLE * len(CHANNELS) * 0.6


def test_a_no_that_was_loaded_or_received_since_is_heard_at_sending(company: Company) -> None:
    chance = random.Random(14)
    planned = company.wanted()
    assert madang(company.root, "plan", "braze_audiences").code == 0
    told = [person for person in company.people if chance.random() < 0.3]
    noes = ["withdrawn", "withdrawn by address", "withdrawn by unknown number"]
    noes += ["users.messages.email.Unsubscribe", "users.messages.email.Bounce", "do_not_call"]
    loaded, received = [], []
    for person in told:
        word = chance.choice(noes)
        if word in OF_SALESFORCE and any(word == one[1] for one in person.said):
            continue
        # also after the clock of the build; Braze's events of the future are its test events
        hour = 11 if word.startswith("users.") else chance.choice([11, 8000])
        news = (hour, word, chance.choice(CHANNELS))
        is_received = WORDS[word][1] is None and chance.random() < 0.5
        (received if is_received else loaded).append(Person(person.number, False, [news]))
        person.said.append(news)
    rows = raw_rows(loaded)
    for row in rows["salesforce_contacts"]:
        row |= {"customer_no": company.people[int(row["id"][3:15])].customer_no}
    land(company.root, rows, LOADED + timedelta(hours=5))
    settings = load_settings(company.root)
    with Running(settings, key_for(settings, "consents")) as receiver:
        for number, person in enumerate(received):
            body = {"consent_id": f"r{number}", **consent(person, *person.said[0])}
            answer = receiver.post("consents", body, Idempotency_Key=f"r{number}")
            assert answer.status_code == 202, answer.text
    assert company.wanted() < planned
    with BrazeSandbox(0, KEY) as server:
        server.store.create(person.customer_no for person in company.people)
        config = (company.root / "madang.yml").read_text()
        (company.root / "madang.yml").write_text(config.replace("http://127.0.0.1:9", server.url))
        ended = madang(company.root, "sync", "--apply", MADANG_BRAZE_KEY=KEY)
        assert ended.code == 0, ended.told
        arrived = {
            (key, name.rpartition("_")[2]) for key, user in server.users().items() for name in user
        }
    assert arrived == company.wanted()
    assert "no longer permitted" in ended.out


def test_the_rows_at_sending_are_those_of_the_next_build(company: Company) -> None:
    settings = load_settings(company.root)
    spec = find_spec(load_specs(settings.project_dir), "braze_audiences")
    sql = rows_now(settings, spec)
    with open_warehouse(settings) as warehouse:
        known = "where sync_key is not null order by sync_key, field"
        now = warehouse.fetch(f"select * from ({sql}) as rows {known}")
    built = madang(company.root, "build", "--select", "+sync_braze__users")
    assert built.code in (0, 3), built.told
    with open_warehouse(settings) as warehouse:
        then = warehouse.fetch(
            "select sync_key, field, value, held_back_reason "
            f"from madang_activation.sync_braze__users {known}"
        )
    assert now == then
