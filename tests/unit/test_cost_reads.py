"""What a statement reads of a DuckDB warehouse, and how large it would be on BigQuery."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from madang.cost import volume_of
from madang.cost.reads import Plans, Read, Sizes
from madang.errors import UsageError
from madang.settings.workspace import load_settings
from madang.warehouse import Warehouse, open_warehouse

DAYS = ("madang_staging", "days")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    (tmp_path / "madang.yml").write_text("version: 1\n", encoding="utf-8")
    with open_warehouse(load_settings(tmp_path)) as opened:
        opened.ensure_layer("staging")
        opened.execute(
            """
            create table madang_staging.days as
            select * from (values
                (date '2026-10-30', 'ab', 1, true, 1.5::double, ['x', 'yy'], {'k': 'a', 'n': 7}),
                (date '2026-10-31', '가', null, false, 2.5, ['z', null], {'k': null, 'n': null}),
                (date '2026-10-31', null, 3, null, null, null, null)
            ) as t (day, name, n, yes, x, list, pair)"""
        )
        opened.execute("create view madang_staging.names as select name from madang_staging.days")
        yield opened


def read(warehouse: Warehouse, sql: str) -> list[Read]:
    return Plans(warehouse).reads(sql)


@pytest.mark.parametrize(
    ("sql", "columns", "bounded"),
    [
        ("select name from {t}", {"name"}, set()),
        ("select count(*) from {t}", set(), set()),
        ("select name from {t} where day = date '2026-10-31'", {"name", "day"}, {"day"}),
        ("select name from {t} where day = date '1999-01-01'", {"name", "day"}, {"day"}),
        (
            "select name from {t} where day in (date '2026-10-30', date '2026-10-31')",
            {"name", "day"},
            {"day"},
        ),
        ("select name from {t} where day is not null", {"name", "day"}, set()),
        ("select 1 from {t} where day = date '2026-10-31' or n = 3", {"day", "n"}, set()),
        ("select pair.k, x from (select * from {t}) as s", {"pair", "x"}, set()),
        ("with a as (select * from {t}) select max(n) from a where yes", {"n", "yes"}, set()),
        ("select name from madang_staging.names", {"name"}, set()),
    ],
)
def test_a_plan_tells_columns_and_bounds(
    warehouse: Warehouse, sql: str, columns: set[str], bounded: set[str]
) -> None:
    (found,) = read(warehouse, sql.format(t="madang_staging.days"))
    assert found == Read(DAYS, frozenset(columns), frozenset(bounded))


def test_every_reading_of_a_table_is_told(warehouse: Warehouse) -> None:
    sql = (
        "select a.name from madang_staging.days as a join madang_staging.days as b on a.n = b.n "
        "where b.x > 1"
    )
    assert sorted(sorted(one.columns) for one in read(warehouse, sql)) == [
        ["n", "name"],
        ["n", "x"],
    ]


def test_files_of_the_export_are_read_by_column(warehouse: Warehouse, tmp_path: Path) -> None:
    file = tmp_path / "events_20261031.parquet"
    warehouse.export("select name, pair, n from madang_staging.days", file)
    sql = f"select name, pair.n from read_parquet(['{file}'], union_by_name = true) where n = 3"
    (found,) = read(warehouse, sql)
    assert found.table is None
    assert found.columns >= {"name", "pair"}
    sizes = Sizes(warehouse)
    # 'ab' is 2 + 2 bytes, '가' 2 + 3, a null nothing: 9 bytes in 3 rows
    assert sizes.of_files([str(file)], ["name"]) == pytest.approx(9 / 3)
    # {'k': 'a', 'n': 7}: 2 + 1 and 8
    assert sizes.of_files([str(file)], ["pair"]) == pytest.approx(11 / 3)


@pytest.mark.parametrize(
    ("column", "size"),
    [
        ("day", 3 * 8),
        ("name", 2 + 2 + 2 + 3),
        ("n", 2 * 8),
        ("yes", 2 * 1),
        ("x", 2 * 8),
        ("list", (2 + 1) + (2 + 2) + (2 + 1)),
        ("pair", (2 + 1) + 8),
        ("no_such_column", 0),
    ],
)
def test_sizes_are_bigquerys_logical_bytes(warehouse: Warehouse, column: str, size: int) -> None:
    assert Sizes(warehouse).of_table(DAYS, [column]) == pytest.approx(size)


def test_a_large_table_is_sampled_and_its_size_is_that_of_all_rows(warehouse: Warehouse) -> None:
    warehouse.execute(
        "create table madang_staging.many as select range as n, 'abcd' as name from range(600000)"
    )
    size = Sizes(warehouse).of_table(("madang_staging", "many"), ["n", "name"])
    assert size == pytest.approx(600_000 * (8 + 6))


@pytest.mark.parametrize(
    ("text", "events"),
    [("10M", 1e7), ("100 m", 1e8), ("1B", 1e9), ("2,500,000", 2.5e6), ("1.5k", 1500)],
)
def test_a_volume_is_read_as_people_write_it(text: str, events: float) -> None:
    assert volume_of(text) == events


@pytest.mark.parametrize("text", ["ten", "10X", "", "-1M", "0"])
def test_what_is_no_volume_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        volume_of(text)
