"""The warehouse door: whole files or none, rows by name, and plain words when it is shut."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from demo_workspace import REPOSITORY
from madang.settings.workspace import Settings, load_settings
from madang.warehouse import WarehouseError, open_warehouse

HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "madang.yml").write_text("version: 1\n")
    return load_settings(tmp_path)


@contextmanager
def held_by_another_process(path: Path, mode: str) -> Iterator[int]:
    """Open a DuckDB file in a real second process; give its process id."""
    command = [sys.executable, "-c", HOLD, str(path), mode]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid
    finally:
        process.communicate("\n", timeout=20)


def parquet(folder: Path, sql: str) -> Path:
    path = folder / "rows.parquet"
    duckdb.sql(f"copy ({sql}) to '{path}' (format parquet)")
    return path


def test_append_creates_the_table_and_later_matches_columns_by_name(
    settings: Settings, tmp_path: Path
) -> None:
    with open_warehouse(settings) as warehouse:
        first = parquet(tmp_path, "select 'a' as name, 1 as size")
        assert warehouse.append("raw", "things", first) == 1
        second = parquet(tmp_path, "select 2 as size, 'x' as colour, 'b' as name")
        assert warehouse.append("raw", "things", second) == 1
        rows = warehouse.fetch(f"from {warehouse.relation('raw', 'things')} order by name")
    assert rows == [
        {"name": "a", "size": 1, "colour": None},
        {"name": "b", "size": 2, "colour": "x"},
    ]


def test_a_failed_append_leaves_the_table_as_it_was(settings: Settings, tmp_path: Path) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.append("raw", "things", parquet(tmp_path, "select 1 as size"))
        with pytest.raises(WarehouseError):
            bad = parquet(tmp_path, "select 'many' as size, 'x' as colour")
            warehouse.append("raw", "things", bad)
        assert warehouse.fetch(f"from {warehouse.relation('raw', 'things')}") == [{"size": 1}]


def test_export_replaces_the_file_whole_or_leaves_it(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "out" / "numbers.parquet"
    with open_warehouse(settings) as warehouse:
        assert warehouse.export("select * from range(5)", target) == 5
        with pytest.raises(WarehouseError):
            warehouse.export("select error('half way') from range(5)", target)
    assert duckdb.sql(f"select count(*) from '{target}'").fetchall() == [(5,)]
    assert [path.name for path in target.parent.iterdir()] == ["numbers.parquet"]


def test_timestamps_with_a_zone_are_shown_in_utc(settings: Settings) -> None:
    with open_warehouse(settings) as warehouse:
        row = warehouse.fetch(
            "select cast(timestamptz '2026-11-01 12:00:00+09:00' as timestamp) as at"
        )[0]
    assert row == {"at": datetime(2026, 11, 1, 3)}


def test_names_that_need_quotes_are_quoted(settings: Settings, tmp_path: Path) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.append("raw", 'odd "name"', parquet(tmp_path, "select 1 as n"))
        assert warehouse.exists("raw", 'odd "name"')
        assert not warehouse.exists("raw", "name")


def test_a_refused_statement_is_one_line_without_the_statement(settings: Settings) -> None:
    with open_warehouse(settings) as warehouse, pytest.raises(WarehouseError) as caught:
        warehouse.fetch("select secret_column from nowhere")
    assert caught.value.message.count("\n") == 0
    assert "nowhere" in caught.value.message


@pytest.mark.parametrize(
    ("mode", "read_only"), [("write", False), ("write", True), ("read", False)]
)
def test_a_file_held_by_another_process_names_that_process(
    settings: Settings, mode: str, read_only: bool
) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.ensure_layer("raw")
    with (
        held_by_another_process(settings.warehouse.path, mode) as pid,
        pytest.raises(WarehouseError) as caught,
        open_warehouse(settings, read_only=read_only),
    ):
        pass
    assert caught.value.message == (
        f"The warehouse file is in use by another process (process id {pid})."
    )
    assert caught.value.where == str(settings.warehouse.path)
    assert caught.value.fix


def test_readers_do_not_shut_each_other_out(settings: Settings) -> None:
    with open_warehouse(settings) as warehouse:
        warehouse.ensure_layer("raw")
    with (
        held_by_another_process(settings.warehouse.path, "read"),
        open_warehouse(settings, read_only=True) as warehouse,
    ):
        assert warehouse.fetch("select 1 as one") == [{"one": 1}]


def test_reading_before_the_first_build_says_what_to_run(settings: Settings) -> None:
    with (
        pytest.raises(WarehouseError, match="There is no warehouse yet") as caught,
        open_warehouse(settings, read_only=True),
    ):
        pass
    assert "madang build" in (caught.value.fix or "")
    assert not settings.warehouse.path.exists()


def test_a_file_of_another_kind_is_not_touched(settings: Settings) -> None:
    settings.warehouse.path.write_bytes(b"PK\x03\x04 not a database" * 400)
    with (
        pytest.raises(WarehouseError, match="This file is not a DuckDB database"),
        open_warehouse(settings),
    ):
        pass
    assert settings.warehouse.path.read_bytes().startswith(b"PK")


def test_rows_that_are_there_already_are_not_added_once_more(
    settings: Settings, tmp_path: Path
) -> None:
    with open_warehouse(settings) as warehouse:
        file = parquet(tmp_path, "select 'r1' as run_id, 1 as n union all select 'r1', 2")
        for _ in range(2):
            assert warehouse.append("ledger", "things", file, once=("run_id", "r1")) == 2
        other = parquet(tmp_path, "select 'r2' as run_id, 3 as n")
        assert warehouse.append("ledger", "things", other, once=("run_id", "r2")) == 1
        rows = warehouse.fetch(f"from {warehouse.relation('ledger', 'things')} order by n")
    assert [row["n"] for row in rows] == [1, 2, 3]


def test_bigquery_without_its_packages_is_told_with_the_way_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "version: 1\nwarehouse: {type: bigquery, bigquery: {project: some-project}}\n"
    (tmp_path / "madang.yml").write_text(text)
    monkeypatch.setattr("madang.warehouse._is_installed", lambda module: False)
    with pytest.raises(WarehouseError, match="not installed") as caught:
        open_warehouse(load_settings(tmp_path)).__enter__()
    assert caught.value.fix == "pip install 'madang[bigquery]'"


RELATIONS = {"sql", "query", "from_parquet", "read_parquet", "read_csv", "read_json", "from_df"}


@pytest.mark.parametrize("folder", ["scripts", "benchmarks", "tests"])
def test_a_relation_of_duckdb_is_read_whole(folder: str) -> None:
    """DuckDB 2 took fetchone and fetchmany from relations; a connection's `execute` keeps them."""
    found = [
        f"{path.name}:{call.lineno}"
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("fetchone", "fetchmany")
        and isinstance(call.func.value, ast.Call)
        and isinstance(call.func.value.func, ast.Attribute)
        and call.func.value.func.attr in RELATIONS
    ]
    assert found == []
