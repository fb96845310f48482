"""A person is erased everywhere, and neither a file loaded later nor the export brings them back.

The first try does not reach the destination; the next sync does, and ends it.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo_workspace import AS_OF, MARU, Company, Ended, Tables, madang, tables_of
from madang.erase.values import sixty_bits
from madang.sandbox.braze import BrazeSandbox
from madang.settings.workspace import load_settings
from madang.warehouse import open_warehouse

KEY = "key-of-the-erasure"
REASON = "request 2026-117"
COLUMNS = "order_id customer_no email phone name status ordered_at updated_at amount currency"


@dataclass
class Person:
    number: str
    email: str
    phone: str
    name: str
    devices: list[str]

    @property
    def plain(self) -> list[str]:
        return [self.number, self.email, self.phone, *self.devices]

    @property
    def everywhere(self) -> set[str]:
        """What must not stand in any cell: values, and hashes that stand for them."""
        hashes = {hashlib.sha256(one.encode()).hexdigest() for one in (self.email, self.phone)}
        return {*self.plain, *hashes}


@dataclass
class Story:
    root: Path
    person: Person
    other: str
    told: dict[str, Ended] = field(default_factory=dict)
    found: dict[str, dict[str, int]] = field(default_factory=dict)
    customers: dict[str, int] = field(default_factory=dict)
    held: dict[str, dict[str, dict]] = field(default_factory=dict)

    def run(self, step: str, *arguments: str, key: str = KEY) -> None:
        self.told[step] = madang(self.root, *arguments, STORY_KEY=key, COLUMNS="200")
        with tables_of(self.root) as tables:
            self.found[step] = cells(tables, self.person)
            count = "select count(*) from madang_marts.customers where is_in_crm"
            self.customers[step] = tables.value(count)

    @property
    def certificate(self) -> dict:
        (path,) = (self.root / "erasures").glob("*.json")
        return json.loads(path.read_text(encoding="utf-8"))


def choose(tables: Tables) -> tuple[Person, str]:
    """Somebody with orders and a device of their own; and somebody else."""
    found = tables.rows("""
        with devices as (
            select device_id, any_value(user_id) as user_id
            from madang_staging.ga4_logins group by device_id
            having count(distinct user_id) = 1
        )
        select customer_no, any_value(email), any_value(phone), any_value(name),
            list(device_id order by device_id)
        from madang_marts.customers as customers inner join devices on customer_no = user_id
        inner join madang_private.contacts as contacts using (person_id)
        inner join madang_activation.sync_braze__users as wanted
            on customer_no = sync_key and held_back_reason is null
        inner join madang_identity.identifiers as mail
            on mail.identifier_value = sha256(email) and mail.quarantine_reason is null
        inner join madang_identity.identifiers as telephone
            on telephone.identifier_value = sha256(phone) and telephone.quarantine_reason is null
        where is_in_crm and orders > 0 and customers.crm_ids = 1
        group by customer_no order by customer_no limit 2""")
    number, email, phone, name, devices = found[0]
    return Person(number, email, phone, name, sorted(set(devices))), found[1][0]


def cells(tables: Tables, person: Person) -> dict[str, int]:
    """The tables in which a text cell is one of the person's values, and how many rows."""
    found = {}
    columns = tables.rows("""
        select schema_name, table_name, list(column_name order by column_index)
        from duckdb_columns() where database_name = 'warehouse' and data_type = 'VARCHAR'
            and table_name <> 'erased_identifiers' group by all order by all""")
    values = ", ".join(f"'{one}'" for one in sorted(person.everywhere))
    for schema, table, names in columns:
        either = " or ".join(f'"{name}" in ({values})' for name in names)
        rows = tables.value(f'select count(*) from {schema}."{table}" where {either}')
        if rows:
            found[f"{schema}.{table}"] = rows
    return found


def orders(root: Path, name: str, *rows: list[str]) -> None:
    moment = "2026-10-30T10:00:00+09:00"
    lines = [COLUMNS.replace(" ", ",")]
    for number, customer, email, phone in rows:
        cell = [number, customer, email, phone, "", "paid", moment, moment, "1000", "KRW"]
        lines.append(",".join(cell))
    text = "\n".join(lines) + "\n"
    (root / "inbox" / "shop" / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def story(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("erase") / "company"
    shutil.copytree(company.root, root, ignore=shutil.ignore_patterns("logs", "site", "*.lock"))
    with tables_of(root) as tables:
        person, other = choose(tables)
    told = Story(root, person, other)
    with BrazeSandbox(0, KEY, root / "sandbox.sqlite") as braze:
        settings = f"version: 1\nas_of: {AS_OF}\nproject: {MARU}\n"
        settings += f"destinations: {{braze: {{url: {braze.url}, key_env: STORY_KEY}}}}\n"
        (root / "madang.yml").write_text(settings, encoding="utf-8")
        told.held["before"] = braze.users()
        told.run("dry", "erase", person.number, "--reason", REASON, "--dry-run")
        told.run("first", "erase", person.number, "--reason", REASON, key="")
        told.held["first"] = braze.users()
        told.run("asked", "sync")
        told.run("second", "sync", "--apply")
        told.run("third", "erase")
        told.held["second"] = braze.users()
        told.run("known", "explain", "person", f"crm_id:{person.number}")
        orders(
            root,
            "orders_late.csv",
            ["L1", person.number, person.email, person.phone],
            ["L2", "", person.email, ""],
            ["L3", other, person.email, ""],
        )
        told.run("load", "load")
        told.run("late", "build")
        told.run("anew", "build", "--full-refresh")
        yield told


def test_a_dry_run_shows_and_changes_nothing(story: Story) -> None:
    assert story.told["dry"].code == 0, story.told["dry"].told
    assert "raw.crm_customers" in story.told["dry"].out
    found = set(story.found["dry"])
    assert {"madang_raw.crm_customers", "madang_staging.base_ga4__events"} <= found
    for value in story.person.plain:
        assert value not in story.told["dry"].out


def test_what_the_destination_did_not_hear_waits(story: Story) -> None:
    assert story.told["first"].code == 3, story.told["first"].told
    assert story.person.number in story.held["first"]
    assert story.held["before"] == story.held["first"]


def test_a_sync_shows_what_waits_and_sends_it(story: Story) -> None:
    assert "Deletions of erased people" in story.told["asked"].out
    assert story.person.number not in story.told["asked"].out
    assert story.told["second"].code == 0, story.told["second"].told
    assert "No erasure is waiting" in story.told["third"].err + story.told["third"].out
    assert not list((story.root / "erasures").glob("*.pending"))
    gone = set(story.held["before"]) - set(story.held["second"])
    assert gone == {story.person.number}


def test_nothing_is_left_anywhere(story: Story) -> None:
    assert story.found["first"] == {}
    assert story.found["second"] == {}
    assert story.customers["second"] == story.customers["dry"] - 1
    assert story.told["known"].code != 0


def test_other_people_keep_theirs(story: Story) -> None:
    with tables_of(story.root) as tables:
        row = tables.row(f"""
            select customer_no, email from madang_private.stg_shop__orders
            where order_id = 'L3' and customer_no = '{story.other}'""")
    assert row == {"customer_no": story.other, "email": None}


def test_what_comes_later_does_not_bring_them_back(story: Story) -> None:
    """An order under their number, one under their address, and the whole export read anew."""
    assert story.told["load"].code in (0, 3), story.told["load"].told
    for step in ("late", "anew"):
        assert story.told[step].code in (0, 3), story.told[step].told
        assert story.found[step] == {}, step
        assert story.customers[step] == story.customers["second"]
    with tables_of(story.root) as tables:
        kept = "select order_id from madang_private.stg_shop__orders where order_id like 'L_'"
        assert tables.rows(kept) == [("L3",)]


def test_the_certificate_names_tables_and_nobody(story: Story) -> None:
    certificate = story.certificate
    assert certificate["status"] == "done"
    assert certificate["reason"] == REASON
    assert certificate["rows_left"] == {}
    assert certificate["rows_before"]["identity.persons"] == 1
    assert certificate["rows_before"]["marts.customers"] == 1
    assert certificate["days_read_again"]
    assert certificate["destinations"]["braze"]["status"] == "deleted"
    for value in (*story.person.plain, story.person.name):
        assert value not in json.dumps(certificate, ensure_ascii=False)


def test_tombstones_are_hashes(story: Story) -> None:
    with open_warehouse(load_settings(story.root), read_only=True) as warehouse:
        rows = warehouse.fetch(
            f"select * from {warehouse.relation('ledger', 'erased_identifiers')}"
        )
    known = [story.person.number, *story.person.devices]
    assert {row["value_bits"] for row in rows} >= {sixty_bits(one) for one in known}
    hashed = {hashlib.sha256(one.encode()).hexdigest() for one in story.person.plain}
    assert {row["identifier_value"] for row in rows} >= hashed
    told = json.dumps(rows, default=str)
    for value in (story.person.email, story.person.phone, *story.person.devices):
        assert value not in told
