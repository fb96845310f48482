"""The whole project on real GoogleSQL: every node built, every row equal to DuckDB's.

One small company is looked at twice. Between the looks late days are restated, the running day
becomes a daily shard, the customer list is uploaded anew, and an order shows that two customers are
one person. Both warehouses build what changed; the local BigQuery then makes anew whatever keeps
rows of an earlier build.

Data tests are statements over tables. test_bigquery_commands.py runs every one of them on
GoogleSQL; here, where the tables are DuckDB's row by row, DuckDB runs them, and GoogleSQL those of
tables that are not compared.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from demo_workspace import WITHOUT_TESTS, as_a_user, madang
from local_bigquery.parity import PLACES, WRITTEN_OTHERWISE, Comparison, compare
from local_bigquery.project import Project, copy_sources
from local_bigquery.server import serve
from madang.build.dbt import run_dbt
from madang.demo.company import generate
from madang.settings.workspace import load_settings

PEOPLE, DAYS = 200, 24
FIRST_LOOK = "2026-10-29T09:30:00+09:00"
SECOND_LOOK = "2026-11-01T12:00:00+09:00"
DATA_TESTED = ["build", "--exclude-resource-type", "unit_test"]
UNIT_TESTED = ["build", "--exclude-resource-type", "test"]
UNTESTED = ["build", *WITHOUT_TESTS]
NOT_COMPARED = [
    "test",
    "--select",
    *sorted(PLACES.keys() | WRITTEN_OTHERWISE),
    "config.schema:history",
]
# A table of any other kind is replaced by its model's statement in every build.
KEEPING_ROWS = (
    *("incremental", "days_when_changed", "append_when_changed"),
    *("connected_components", "markov_fits", "never_link_cuts"),
)
ANEW = [*UNTESTED, "--full-refresh", "--select"]
ANEW += [f"config.materialized:{kind}" for kind in KEEPING_ROWS]


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

    def look(self, until: str, arguments: list[str]) -> None:
        """Bring the files to a moment, load them, build them in DuckDB, copy the sources."""
        generate(self.workspace, people=PEOPLE, days=DAYS, until=datetime.fromisoformat(until))
        with (self.workspace / "madang.yml").open("a") as settings:
            settings.write("load: {max_reject_share: 1}\n")
        madang(self.workspace, "load")  # 3: the demo has rows that cannot be read
        with as_a_user():
            run_dbt(load_settings(self.workspace), arguments)
        copy_sources(self.project.server, self.warehouse, self.workspace / "ga4")
        self.project.as_of = until

    def build(self, *arguments: str) -> Look:
        """Build on the local BigQuery and compare."""
        results = self.dbt(*arguments)
        look = Look(results, compare(self.project.server.catalog, self.warehouse))
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            persons = connection.execute("select person_id from madang_identity.persons").fetchall()
            look.persons = {person for (person,) in persons}
            look.shards = dict(
                connection.execute(
                    "select event_date::varchar, suffix from madang_staging.ga4_partitions"
                ).fetchall()
            )
        return look

    def dbt(self, *arguments: str) -> list[dict[str, Any]]:
        """Run dbt on the local BigQuery, and return what became of every node."""
        ended = self.project.dbt(*arguments)
        assert ended.returncode == 0, _failures(ended.stdout)
        return self.project.results

    @property
    def in_duckdb(self) -> list[dict[str, Any]]:
        """What became of every node of the last build there."""
        return json.loads((self.workspace / "target" / "run_results.json").read_text())["results"]

    def join_two_customers(self) -> None:
        """An order under one customer's number with another one's e-mail: they are one person."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            (first, *_), (_, email, name) = connection.execute(
                """
                select customer_no, email, name
                from madang_marts.customers inner join madang_private.contacts using (person_id)
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
    first: Look
    second: Look
    anew: Look
    in_duckdb: list[dict[str, Any]]
    not_compared: list[dict[str, Any]]


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looks]:
    """Both looks, and what keeps rows made anew, in this order."""
    folder = tmp_path_factory.mktemp("twins")
    with serve() as server:
        twins = Twins(folder / "company", Project(server, folder / "dbt", FIRST_LOOK))
        twins.look(FIRST_LOOK, UNTESTED)
        first = twins.build(*UNIT_TESTED)
        twins.join_two_customers()
        twins.look(SECOND_LOOK, DATA_TESTED)
        second = twins.build(*UNTESTED)
        not_compared = twins.dbt(*NOT_COMPARED)
        anew = twins.build(*ANEW)
        yield Looks(first, second, anew, twins.in_duckdb, not_compared)


def test_every_node_is_built_and_every_test_passes(looks: Looks) -> None:
    runs = [looks.first.results, looks.second.results, looks.anew.results]
    for results in (*runs, looks.in_duckdb, looks.not_compared):
        states = Counter(result["status"] for result in results)
        assert set(states) <= {"success", "pass", "no-op"}, states
    assert _ran(looks.first.results, "model") == _ran(looks.second.results, "model") > 100
    assert _ran(looks.first.results, "unit_test") > 50
    assert _ran(looks.in_duckdb, "test") > 200
    assert _ran(looks.not_compared, "test") > 10
    assert _ran(looks.anew.results, "model") >= 18


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


def _ran(results: list[dict[str, Any]], kind: str) -> int:
    return sum(result["unique_id"].startswith(f"{kind}.") for result in results)


def _failures(output: str) -> str:
    lines = [line for line in output.splitlines() if "rror" in line or "FAIL" in line]
    return "\n".join(lines[-40:]) or output[-3000:]
