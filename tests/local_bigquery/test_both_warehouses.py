"""The whole project on real GoogleSQL: every node checked and built, every row equal to DuckDB's.

One small company is looked at twice. Between the looks late days are restated, the running day
becomes a daily shard, the customer list is uploaded anew, and an order shows that two customers are
one person. Both warehouses build what changed; the local BigQuery then builds everything anew.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo_workspace import (
    WITHOUT_TESTS,
    command,
)
from local_bigquery.parity import Comparison, compare
from local_bigquery.project import Project, copy_sources, type_check
from local_bigquery.server import serve
from madang.demo.company import generate

PEOPLE, DAYS = 200, 24
FIRST_LOOK = "2026-10-29T09:30:00+09:00"
SECOND_LOOK = "2026-11-01T12:00:00+09:00"
BUILD = ["build", "--exclude-resource-type", "unit_test"]
# test_bigquery_commands.py runs the data tests after a first build
UNIT_TESTED = ["build", "--exclude-resource-type", "test"]
UNTESTED = ["build", *WITHOUT_TESTS]
IN_DUCKDB = (
    "from pathlib import Path; from madang.settings.workspace import load_settings; "
    "from madang.build.dbt import run_dbt; "
    f"run_dbt(load_settings(Path('madang.yml')), {UNTESTED})"
)


@dataclass
class Look:
    """What one look at the company gave: the state of every node, and how the tables compare."""

    results: list[dict[str, Any]]
    comparisons: list[Comparison]
    persons: set[str] = field(default_factory=set)
    shards: dict[str, str] = field(default_factory=dict)


@dataclass
class Twins:
    """One company in two warehouses."""

    workspace: Path
    project: Project

    @property
    def warehouse(self) -> Path:
        return self.workspace / "warehouse.duckdb"

    def look(self, until: str) -> None:
        """Bring the files to a moment, load them, build them in DuckDB, copy the sources."""
        generate(self.workspace, people=PEOPLE, days=DAYS, until=datetime.fromisoformat(until))
        with (self.workspace / "madang.yml").open("a") as settings:
            settings.write("load: {max_reject_share: 1}\n")
        command("madang", "load", cwd=self.workspace)  # 3: the demo has rows that cannot be read
        built = command(Path(sys.executable).name, "-c", IN_DUCKDB, cwd=self.workspace)
        assert built.code == 0, built.told
        copy_sources(self.project.server, self.warehouse, self.workspace / "ga4")
        self.project.as_of = until

    def build(self, *arguments: str) -> Look:
        """Build on the local BigQuery and compare."""
        ended = self.project.dbt(*arguments)
        assert ended.returncode == 0, _failures(ended.stdout)
        catalog = self.project.server.catalog
        look = Look(self.project.results, compare(catalog, self.warehouse))
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            persons = connection.execute("select person_id from madang_identity.persons").fetchall()
            look.persons = {person for (person,) in persons}
            look.shards = dict(
                connection.execute(
                    "select event_date::varchar, suffix from madang_staging.ga4_partitions"
                ).fetchall()
            )
        return look

    def join_two_customers(self) -> None:
        """An order under one customer's number with another one's e-mail: they are one person."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            (first, *_), (_, email, name) = connection.execute(
                """
                select customer_no, email, name from madang_marts.customers
                where is_in_crm and email is not null order by customer_no limit 2
                """
            ).fetchall()
        with (self.workspace / "inbox" / "shop" / "orders_joining.csv").open("w") as file:
            writer = csv.writer(file)
            columns = (
                "order_id customer_no email phone name status ordered_at updated_at amount currency"
            )
            writer.writerow(columns.split())
            moment = "2026-10-30T10:00:00+09:00"
            writer.writerow(["J1", first, email, "", name, "paid", moment, moment, 50000, "KRW"])
            # in no sum: there is no rate for it
            writer.writerow(["J2", first, email, "", name, "paid", moment, moment, 12.34, "usd"])


@dataclass
class Looks:
    refused: dict[str, str]
    checked: int
    first: Look
    second: Look
    anew: Look


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looks]:
    """Both looks and the full refresh, in this order."""
    folder = tmp_path_factory.mktemp("twins")
    with serve() as server:
        twins = Twins(folder / "company", Project(server, folder / "dbt", FIRST_LOOK))
        twins.look(FIRST_LOOK)
        first = twins.build(*UNIT_TESTED)
        twins.join_two_customers()
        twins.look(SECOND_LOOK)
        second = twins.build(*BUILD)
        good, refused = type_check(twins.project)
        anew = twins.build(*UNTESTED, "--full-refresh")
        yield Looks(refused, len(good), first, second, anew)


def test_every_node_is_good_googlesql(looks: Looks) -> None:
    assert not looks.refused
    assert looks.checked > 150


def test_every_node_is_built_and_every_test_passes(looks: Looks) -> None:
    for look in (looks.first, looks.second, looks.anew):
        states = Counter(result["status"] for result in look.results)
        assert set(states) <= {"success", "pass", "no-op"}, states
    assert _ran(looks.first, "unit_test") > 50
    assert _ran(looks.second, "test") > 200


@pytest.mark.parametrize("look", ["first", "second", "anew"])
def test_every_table_has_the_rows_that_duckdb_has(looks: Looks, look: str) -> None:
    comparisons = getattr(looks, look).comparisons
    different = {found.table: found.problems for found in comparisons if not found.is_equal}
    assert not different
    assert len(comparisons) >= 48
    assert sum(found.rows for found in comparisons) > 5_000


def test_the_second_look_changed_what_it_should(looks: Looks) -> None:
    assert looks.first.shards["2026-10-29"] == "intraday_20261029"
    assert looks.second.shards["2026-10-29"] == "20261029"
    gone = looks.first.persons - looks.second.persons
    assert gone, "two customers became one person"


def _ran(look: Look, kind: str) -> int:
    return sum(result["unique_id"].startswith(f"{kind}.") for result in look.results)


def _failures(output: str) -> str:
    lines = [line for line in output.splitlines() if "rror" in line or "FAIL" in line]
    return "\n".join(lines[-40:]) or output[-3000:]
