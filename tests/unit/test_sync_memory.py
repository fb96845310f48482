"""A sync keeps to little memory: rows are numbered and asked again in their order, and what cannot
do with little gets more.
"""

from itertools import pairwise

import duckdb
import pytest

from madang.settings.workspace import load_settings
from madang.sync import diff, files, permits
from madang.sync.destinations.base import ObjectKind
from madang.warehouse import open_warehouse

GREEDY = "select length(string_agg(n::varchar, ',')) as n from range(20000000) as numbers (n)"
LETTERS = 168_888_889


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "madang.yml").write_text("version: 1\n")
    return load_settings(tmp_path / "madang.yml")


def test_a_statement_that_needs_more_memory_gets_it(settings):
    with open_warehouse(settings) as warehouse:

        def limit():
            return warehouse.fetch("select current_setting('memory_limit') as most")

        with warehouse.sparing("50MB"):
            little = limit()
            assert warehouse.fetch(GREEDY) == [{"n": LETTERS}]
        assert limit() != little
        with warehouse.sparing("50MB"):
            assert limit() == little
        assert limit() != little
    with files.scratch(settings, "50MB") as (connection, _):
        assert files.execute(connection, GREEDY).fetchall() == [(LETTERS,)]


@pytest.mark.parametrize(
    ("kind", "order"), [("attributes", "sync_key"), ("members", "field, operation, sync_key")]
)
def test_rows_are_numbered_by_object_whatever_order_they_come_in(kind, order):
    connection = duckdb.connect()
    connection.execute(
        """create table changes as
        select 'C' || (n // 3) as sync_key, 'f' || (n % 3) as field,
            if(n % 7 = 0, 'remove', 'add') as operation, if(n % 7 > 0, 'true', null) as value
        from range(30000) as numbers (n) order by hash(n)"""
    )
    numbered = diff.numbered("changes", ObjectKind(kind, ("key",)))
    rows = connection.execute(f"select object_no, value_hash is null from ({numbered})").fetchall()
    assert all(first[0] <= second[0] for first, second in pairwise(rows))
    wrong = f"""select count(*) from (
        select object_no - dense_rank() over (order by {order}) as off,
            value_hash is distinct from sha256(value) as is_other
        from ({numbered})) where off <> 0 or is_other"""
    assert connection.execute(wrong).fetchall() == [(0,)]


def test_each_planned_row_is_asked_again_and_all_keep_their_order(settings, tmp_path):
    """Most are as planned; a few are not, each for a reason of its own."""
    others = {
        10: ("add", "old", None, permits.OTHER_VALUE),
        5000: ("add", "v", "no_consent", permits.HELD_BACK),
        5001: ("add", None, None, permits.NOT_WANTED),
        9000: ("remove", "v", None, permits.WANTED_AGAIN),
        9001: ("remove", "v", "no_consent", None),
        9002: ("remove", None, None, None),
    }
    connection = duckdb.connect()
    connection.execute(
        "create table planned as select n as object_no, 'C' || n as sync_key, 'f' as field, "
        "'add' as operation, 'true' as value, 'v' as value_hash from range(10000) as numbers (n)"
    )
    connection.execute(
        "create table now as select sync_key, field, value_hash, "
        "null::varchar as held_back_reason from planned"
    )
    for number, (operation, value, reason, _) in others.items():
        if operation == "remove":
            connection.execute(
                "update planned set operation = 'remove', value = null, value_hash = null "
                f"where object_no = {number}"
            )
        connection.execute(f"delete from now where sync_key = 'C{number}'")
        if value is not None:
            connection.execute(
                "insert into now values (?, 'f', ?, ?)", [f"C{number}", value, reason]
            )
    # a key that is held back beside its wanted row is held back
    connection.execute("insert into now values ('C77', 'f', 'v', 'no_consent')")
    connection.execute(
        "create table done as select sync_key, field, object_no = 21 as is_open from planned "
        "where object_no in (20, 21)"
    )
    for name in ("planned", "now", "done"):
        connection.execute(f"copy {name} to {files.text(tmp_path / name)} (format parquet)")
    spooled = permits.spool(
        settings, tmp_path / "planned", tmp_path / "now", tmp_path / "done", tmp_path / "spool"
    )
    written = f"read_parquet({files.text(tmp_path / 'spool')})"
    rows = connection.execute(
        f"select object_no, was_unknown, skip_reason from {written}"
    ).fetchall()
    assert [row[0] for row in rows] == [n for n in range(10000) if n != 20]
    assert [row[0] for row in rows if row[1]] == [21]
    expected = {number: reason for number, (*_, reason) in others.items() if reason}
    assert {row[0]: row[2] for row in rows if row[2]} == {**expected, 77: permits.HELD_BACK}
    assert spooled.rows == spooled.objects == 9999 - 5
    assert spooled.skipped == {
        permits.OTHER_VALUE: 1,
        permits.HELD_BACK: 2,
        permits.NOT_WANTED: 1,
        permits.WANTED_AGAIN: 1,
    }
