"""Who was what, when: the logs that a build appends to, over builds of a small shop."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from demo_workspace import MARU
from export_files import write
from madang.build.dbt import run_dbt
from madang.settings.workspace import load_settings
from raw_events import DAY, event

SHARD = f"events_{DAY}.parquet"
SELECT = ["--select", "+identity_builds", "+identity_history", "+identity_merges"]
SELECT += ["--exclude", "resource_type:test", "resource_type:unit_test"]


@dataclass
class Shop:
    root: Path
    builds: int = 0

    def order(self, number: str, day: int, email: str, phone: str = "", customer: str = "") -> None:
        moment = dt.datetime(2026, 10, day, tzinfo=dt.UTC).isoformat()
        with duckdb.connect(str(self.root / "warehouse.duckdb")) as db:
            db.execute("create schema if not exists madang_raw")
            db.execute("""
                create table if not exists madang_raw.shop_orders (order_id varchar,
                    customer_no varchar, email varchar, phone varchar, name varchar, status varchar,
                    ordered_at varchar, updated_at varchar, amount varchar, currency varchar,
                    _file varchar, _sheet varchar, _row bigint, _sha256 varchar,
                    _loaded_at timestamp)""")
            row = [number, customer or None, email or None, phone or None, "김하나", "paid", moment]
            db.execute(
                """insert into madang_raw.shop_orders (order_id, customer_no, email, phone, name,
                    status, ordered_at, amount, currency, _file, _row, _sha256, _loaded_at)
                values (?,?,?,?,?,?,?,'1','KRW','f',1,?,?)""",
                [*row, number, dt.datetime(2026, 10, day)],
            )

    def build(self, *arguments: str) -> None:
        self.builds += 1
        settings = load_settings(self.root)
        run_dbt(settings, ["build", *SELECT, *arguments])

    def rows(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.root / "warehouse.duckdb"), read_only=True) as db:
            return db.execute(sql).fetchall()

    def person(self, customer: str) -> str:
        ((found,),) = self.rows(f"""
            select person_id from madang_identity.person_identifiers
            where identifier_type = 'crm_id' and identifier_value = '{customer}'""")
        return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("history")
    text = f"version: 1\nas_of: 2026-11-01T12:00:00+09:00\nproject: {MARU}\n"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    (root / "ga4").mkdir()
    write([event("page_view"), event("login", 5, user_id="C1")], root / "ga4" / SHARD)
    shop = Shop(root)
    shop.order("O1", 2, "a@mail.example", customer="C1")
    shop.order("O2", 5, "b@mail.example", customer="C2")
    shop.order("O3", 7, "c@mail.example", customer="C3")
    shop.build()
    yield shop


MERGES = """
    select former_person_id, person_id, kind, rule, source
    from madang_history.identity_merges order by build, former_person_id"""


def test_a_merge_across_builds_keeps_the_older_id(shop: Shop) -> None:
    first, second = shop.person("C1"), shop.person("C2")
    shop.order("O4", 20, "b@mail.example", customer="C1")
    shop.build()
    assert shop.person("C1") == shop.person("C2") == first
    assert shop.rows(MERGES) == [(second, first, "merged", "one record", "shop")]
    bridge = "select left_key, right_key from madang_history.identity_merges"
    ((left, right),) = shop.rows(bridge)
    named = f"""
        select identifier_type from madang_identity.identifiers
        where identifier_key in ('{left}', '{right}') order by all"""
    assert shop.rows(named) == [("crm_id",), ("email",)]


def test_a_former_id_and_its_time_are_kept(shop: Shop) -> None:
    history = f"""
        select person_id = '{shop.person("C1")}', valid_to is null
        from madang_identity.identity_history as history
        where identifier_key in (select identifier_key from madang_identity.identifiers
            where identifier_type = 'crm_id' and identifier_value = 'C2')
        order by build"""
    assert shop.rows(history) == [(False, False), (True, True)]


def test_builds_are_counted_once(shop: Shop) -> None:
    counts = """
        select build, persons, merged_persons, moved_identifiers
        from madang_history.identity_builds order by build"""
    expected = [(1, 3, 0, 0), (2, 2, 1, 2)]
    assert shop.rows(counts) == expected
    shop.build()
    assert shop.rows(counts) == expected


def test_a_rebuild_from_nothing_keeps_the_logs(shop: Shop) -> None:
    before = shop.rows(MERGES), shop.rows("from madang_history.identity_changes order by all")
    shop.build("--full-refresh")
    after = shop.rows(MERGES), shop.rows("from madang_history.identity_changes order by all")
    assert after == before


def test_the_jump_is_told(shop: Shop) -> None:
    """One of three persons in one build is more than the share that is allowed."""
    settings = load_settings(shop.root)
    run_dbt(settings, ["test", "--select", "merges_did_not_jump"])
    results = (shop.root / "target" / "run_results.json").read_text(encoding="utf-8")
    assert '"status": "warn"' in results
