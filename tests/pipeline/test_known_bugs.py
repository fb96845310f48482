"""Bugs that public projects of this field had, each with a test that would find it here.

Others of that list have their place elsewhere: keys without a separator (test_shared_vectors),
finality by the UTC date (unit tests of ga4_partitions), consent overwritten by nothing (unit tests
of contactability), personal data in logs (test_demo_line).
"""

import csv
import random
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demo_workspace import (
    REPOSITORY,
    WITHOUT_TESTS,
    Company,
    Tables,
    copied_project,
    emptied,
    tables_of,
)
from madang.build.dbt import BuildError, run_dbt
from madang.cli import app
from madang.settings.workspace import load_settings

# identity: labels that stop at direct neighbours (a chain of n became n - 1 persons)

CHAIN = [
    ("A1", "a1@maru.example", None),
    ("A2", "a1@maru.example", "010-0000-0001"),
    ("A3", "a2@maru.example", "010-0000-0001"),
    ("A4", "a2@maru.example", "010-0000-0002"),
    ("A5", "a3@maru.example", "010-0000-0002"),
]


def long_chain(length: int) -> list[tuple]:
    """Customers of whom each shares something with the next only, in no order of their values."""
    names = random.Random(1).sample(range(1_000, 10_000), length)
    return [
        (
            f"B{names[n]}",
            f"b{names[(n + 1) // 2]}@maru.example",
            f"010-1000-{names[n // 2]}",
        )
        for n in range(length)
    ]


def tangle(customers: int) -> list[tuple]:
    """Customers who share mails and numbers at random, no value among more than three."""
    draw = random.Random(2)
    mails = [f"t{n}@maru.example" for n in range(customers * 2 // 3)] * 3
    numbers = [f"010-0100-{n:04}" for n in range(customers * 2 // 3)] * 3
    draw.shuffle(mails)
    draw.shuffle(numbers)
    return [
        (
            f"T{n:04}",
            mails[n] if draw.random() < 0.7 else None,
            numbers[n] if draw.random() < 0.7 else None,
        )
        for n in range(customers)
    ]


def put_together(rows: list[tuple]) -> set[frozenset[str]]:
    """The customers of each person, by the textbook: join whoever shares a value."""
    leader: dict[str, str] = {}

    def find(value: str) -> str:
        while leader.setdefault(value, value) != value:
            value = leader[value]
        return value

    for customer, *values in rows:
        for value in filter(None, values):
            leader[find(value)] = find(customer)
        find(customer)
    groups = defaultdict(set)
    for customer, *_ in rows:
        groups[find(customer)].add(customer)
    return {frozenset(group) for group in groups.values()}


ROWS = {"chain": CHAIN, "long": long_chain(400), "tangle": tangle(600)}


@pytest.fixture(scope="module")
def persons(company: Company, scratch: Path) -> Iterator[Tables]:
    """Identity built from a CRM of chains, by the loader and dbt."""
    root = emptied(scratch)
    (root / "ga4").mkdir()
    shutil.copy(company.root / "ga4" / "events_20261031.parquet", root / "ga4")
    (root / "inbox" / "crm").mkdir(parents=True)
    path = root / "inbox" / "crm" / "customers.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["고객번호", "이름", "이메일", "휴대폰"])
        for rows in ROWS.values():
            writer.writerows((number, "김마루", mail, phone) for number, mail, phone in rows)
    loaded = CliRunner().invoke(app, ["--config", str(root), "load"])
    assert loaded.exit_code == 0, loaded.output
    run_dbt(load_settings(root), ["build", *WITHOUT_TESTS, "--select", "+identity_map"])
    with tables_of(root) as tables:
        yield tables


def test_a_chain_of_ten_identifiers_is_one_person(persons: Tables):
    counted = persons.row("""
        select count(*) as persons, sum(crm_ids) as customers, sum(emails) as emails,
            sum(phones) as phones
        from madang_identity.persons
        where person_id in (
            select person_id from madang_identity.identity_map
            where identifier_type = 'crm_id' and identifier_value like 'A_')""")
    assert counted == {"persons": 1, "customers": 5, "emails": 3, "phones": 2}


@pytest.mark.parametrize("kind", ROWS)
def test_persons_are_what_the_textbook_puts_together(persons: Tables, kind: str):
    groups = defaultdict(set)
    for person, customer in persons.rows(f"""
        select person_id, identifier_value from madang_identity.identity_map
        where identifier_type = 'crm_id' and identifier_value like '{ROWS[kind][0][0][0]}%'"""):
        groups[person].add(customer)
    wanted = put_together(ROWS[kind])
    assert {frozenset(group) for group in groups.values()} == wanted
    if kind == "long":
        assert len(wanted) == 1
    if kind == "tangle":
        assert 50 < len(wanted) < 500
        assert max(map(len, wanted)) > 10


# seeds: a row twice in a list multiplied sessions

CHANNELS = ("session_channels", "sessions", "channel_days")


def test_a_row_twice_in_a_seed_stops_the_build_before_sessions(company: Company):
    root = company.root.with_name("seed_twice")
    shutil.copytree(company.root, root)
    project = copied_project(root / "project")
    settings = root / "madang.yml"
    text = re.sub(r"(?m)^project: .*$", "project: project", settings.read_text(encoding="utf-8"))
    settings.write_text(text, encoding="utf-8")
    seed = project / "seeds" / "ga4_source_categories.csv"
    seed.write_text(seed.read_text(encoding="utf-8") + "naver,social\n", encoding="utf-8")
    with pytest.raises(BuildError, match="one_row_per_ga4_source_categories_source"):
        run_dbt(
            load_settings(root),
            ["build", "--select", "ga4_source_categories", "traffic_sources", *CHANNELS],
        )
    sessions = "select count(*) from madang_activity.sessions"
    with tables_of(company.root) as before, tables_of(root) as after:
        assert after.value(sessions) == before.value(sessions)


def test_every_seed_that_is_joined_has_a_tested_key():
    """The tests of the keys of seeds run before anything that reads them."""
    text = (REPOSITORY / "seeds" / "_seeds.yml").read_text(encoding="utf-8")
    for path in (REPOSITORY / "seeds").glob("*.csv"):
        _, _, entry = text.partition(f"- name: {path.stem}\n")
        entry, _, _ = entry.partition("\n  - name: ")
        assert "one_row_per" in entry or "unique" in entry, path.name


# dialects: a macro of one warehouse that drifted from its twin of another


def test_every_dispatched_macro_has_both_dialects_with_the_same_arguments():
    declared: dict[str, str] = {}
    dispatched = set()
    for path in (REPOSITORY / "macros").rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        for name, arguments in re.findall(r"{%-?\s*macro\s+(\w+)\((.*?)\)", text, re.DOTALL):
            declared[name] = re.sub(r"\s|=[^,]*", "", arguments)
        dispatched |= set(re.findall(r"adapter\.dispatch\('(\w+)', 'madang'\)", text))
    assert len(dispatched) > 20
    for name in dispatched:
        for dialect in ("default", "duckdb"):
            assert declared[f"{dialect}__{name}"].startswith(declared[name]), f"{dialect}__{name}"
        assert declared[f"default__{name}"] == declared[f"duckdb__{name}"], name
