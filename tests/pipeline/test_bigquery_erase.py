"""A person is erased on BigQuery as on DuckDB: every cell, the logs, what is loaded later."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from bigquery_company import EXPORT, Company, Ran, built_on_bigquery, known_people, put
from madang.erase.tables import LAYERS as ERASED
from madang.settings.workspace import load_settings
from madang.warehouse import Warehouse, open_warehouse

LAYERS = ("raw", *ERASED)
TABLES = "resource_type:model resource_type:seed"
LATE = {
    "salesforce/cases_late.csv": """
        Id,ContactId,Origin,Status,CreatedDate,SystemModstamp,IsDeleted
        TR-CASE-3,TR-CONTACT-1,Phone,New,{moment},{moment},false""",
    "shop/orders_late.csv": """
        order_id,customer_no,email,status,ordered_at,amount,currency
        TR-ORDER-1,,{email},paid,{moment},1000,KRW
        TR-ORDER-2,{other},{email},paid,{moment},1000,KRW""",
}


@dataclass
class Story:
    company: Company
    number: str
    email: str
    phone: str
    other: str
    told: dict[str, Ran] = field(default_factory=dict)
    cells: dict[str, dict[str, set[str]]] = field(default_factory=dict)

    @property
    def values(self) -> set[str]:
        hashes = {sha256(one.encode()).hexdigest() for one in (self.email, self.phone)}
        records = {"TR-CONTACT-1", "TR-CASE-1", "TR-CASE-3", "TR-ORDER-1"}
        return {self.number, self.email, self.phone, "tr.private@post.example", *hashes, *records}

    def run(self, step: str, *arguments: str) -> None:
        self.told[step] = self.company.madang(*arguments)
        assert self.told[step].code in (0, 3), self.told[step].out

    def expire_a_day(self) -> None:
        """Let the export lose a day on which the person was there."""
        with open_warehouse(load_settings(self.company.root)) as warehouse:
            days = warehouse.fetch(
                f"select event_date from {warehouse.relation('staging', 'base_ga4__events')} "
                "where event_date >= date '1970-01-01' and user_id = ?",
                [self.number],
            )
            first = min(row["event_date"] for row in days)
            warehouse.execute(f"drop table `{EXPORT}.events_{first:%Y%m%d}`")

    def look(self, step: str) -> None:
        with open_warehouse(load_settings(self.company.root)) as warehouse:
            self.cells[step] = cells(warehouse, self.values)


def cells(warehouse: Warehouse, values: set[str]) -> dict[str, set[str]]:
    """The columns of every table in which a cell, as text, contains one of the values."""
    found: dict[str, set[str]] = {}
    for layer in LAYERS:
        for table, columns in warehouse.columns(layer).items():
            if table == "erased_identifiers":
                continue
            relation = warehouse.relation(layer, table)
            day = "where event_date >= date '1970-01-01'" if table.endswith("_ga4__events") else ""
            for row in warehouse.fetch(f"select * from {relation} {day}"):
                texts = {column: str(row[column]) for column in columns}
                row_text = "\n".join(texts.values())
                there = {one for one in values if one in row_text}
                for column, text in texts.items() if there else ():
                    hits = {one for one in there if one in text}
                    if hits:
                        found.setdefault(f"{layer}.{table}.{column}", set()).update(hits)
    return found


@pytest.fixture(scope="module")
def story(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    root = tmp_path_factory.mktemp("bigquery") / "company"
    with built_on_bigquery(shared, root) as company:
        somebody, other = known_people(root)
        told = Story(company, *somebody, other=other[0])
        told.look("before")
        told.expire_a_day()
        told.run("dry", "erase", told.number, "--reason", "request 1", "--dry-run")
        told.run("erase", "erase", told.number, "--reason", "request 1")
        told.look("after")
        put(root, LATE, number=told.number, email=told.email, other=told.other)
        told.run("late", "load")
        told.run("anew", "build", "--select", TABLES)
        told.look("anew")
        yield told


def test_everything_of_the_person_is_gone(story: Story) -> None:
    tables = {name.rpartition(".")[0] for name in story.cells["before"]}
    assert {"raw.crm_customers", "raw.salesforce_cases", "marts.customers"} <= tables
    assert story.told["erase"].code == 0, story.told["erase"].out
    assert story.cells["after"] == {}


def test_what_comes_later_does_not_bring_them_back(story: Story) -> None:
    assert story.cells["anew"] == {}
    with open_warehouse(load_settings(story.company.root)) as warehouse:
        others = cells(warehouse, {"TR-CASE-2", "TR-ORDER-2"})
        assert {"raw.salesforce_cases.id", "raw.shop_orders.order_id"} <= set(others)


def test_the_dry_run_told_what_would_go(story: Story) -> None:
    told = story.told["dry"].out
    assert "raw.salesforce_cases: 1 rows" in told
    assert "braze: 1 keys to delete" in told
    assert story.number not in told
