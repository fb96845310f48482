"""The BigQuery door: whole files or none, once, whatever the network does; and plain words."""

import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from google.cloud import bigquery
from requests.exceptions import ConnectionError as Disconnected

from local_bigquery.server import Server, serve
from local_bigquery.server.errors import BigQueryError
from madang.settings.workspace import Settings, load_settings
from madang.warehouse import Warehouse, WarehouseError, labels, open_warehouse

UPLOAD = r"POST .*/upload/"
JOBS = r"POST .*/jobs$"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve("test-project", "asia-northeast3") as running:
        yield running


def settings_for(server: Server, folder: Path, **reach: object) -> Settings:
    told = {"project": "test-project", "api_endpoint": server.url, "retry_seconds": 5, **reach}
    lines = "".join(f"    {name}: {value}\n" for name, value in told.items())
    text = f"version: 1\nwarehouse:\n  type: bigquery\n  bigquery:\n{lines}"
    (folder / "madang.yml").write_text(text, encoding="utf-8")
    return load_settings(folder)


@pytest.fixture
def warehouse(server: Server, tmp_path: Path) -> Iterator[Warehouse]:
    with open_warehouse(settings_for(server, tmp_path)) as opened:
        yield opened


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two tries are not waited for."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def parquet(folder: Path, sql: str) -> Path:
    path = folder / "rows.parquet"
    duckdb.sql(f"copy ({sql}) to '{path}' (format parquet)")
    return path


def rows_of(warehouse: Warehouse, table: str = "things") -> list[dict]:
    return warehouse.fetch(f"select * from {warehouse.relation('raw', table)} order by 1")


def test_append_creates_the_table_and_later_matches_columns_by_name(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    first = parquet(tmp_path, "select 'a' as name, 1 as size")
    assert warehouse.append("raw", "things", first) == 1
    second = parquet(tmp_path, "select 2 as size, 'x' as colour, 'b' as name")
    assert warehouse.append("raw", "things", second) == 1
    assert rows_of(warehouse) == [
        {"name": "a", "size": 1, "colour": None},
        {"name": "b", "size": 2, "colour": "x"},
    ]


def test_every_type_of_the_loader_and_the_ledger_comes_back_as_it_went(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    values = (
        "'가' as text, 7::int as narrow, 9007199254740993 as wide, sum(3) as huge, 1.5::double as "
        "real, true as yes, date '2026-10-31' as day, timestamp '2026-10-31 23:59:59.123456' as "
        "at_utc, timestamptz '2026-11-01 09:00:00+09' as at_zone, null::timestamp as never"
    )
    warehouse.append("raw", "things", parquet(tmp_path, f"select {values}"))
    assert rows_of(warehouse) == [
        {
            "text": "가",
            "narrow": 7,
            "wide": 9007199254740993,
            "huge": 3,
            "real": 1.5,
            "yes": True,
            "day": date(2026, 10, 31),
            "at_utc": datetime(2026, 10, 31, 23, 59, 59, 123456),
            "at_zone": datetime(2026, 11, 1, 0, 0),
            "never": None,
        }
    ]
    client: bigquery.Client = warehouse.client
    found = client.get_table("test-project.madang_raw.things")
    assert {field.name: field.field_type for field in found.schema}["at_utc"] == "TIMESTAMP"


def test_an_empty_file_leaves_an_empty_table(warehouse: Warehouse, tmp_path: Path) -> None:
    empty = parquet(tmp_path, "select 1 as n, now() as at where false")
    assert warehouse.append("raw", "things", empty) == 0
    assert warehouse.exists("raw", "things")
    assert rows_of(warehouse) == []


def test_a_file_whose_value_is_not_of_the_tables_type_leaves_nothing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.append("raw", "things", parquet(tmp_path, "select 1 as size"))
    with pytest.raises(WarehouseError, match="not of the type") as caught:
        warehouse.append("raw", "things", parquet(tmp_path, "select '010-1234-0000' as size"))
    assert "010-1234" not in str(caught.value)
    assert rows_of(warehouse) == [{"size": 1}]


def test_a_cut_before_the_answer_is_asked_again_and_nothing_is_doubled(
    server: Server, warehouse: Warehouse, tmp_path: Path, quick: None
) -> None:
    warehouse.ensure_layer("raw")
    server.fail(UPLOAD, None, times=2)
    assert warehouse.append("raw", "things", parquet(tmp_path, "select 1 as size")) == 1
    assert rows_of(warehouse) == [{"size": 1}]


def test_a_load_whose_answer_was_lost_is_found_by_its_id(
    server: Server, warehouse: Warehouse, tmp_path: Path, quick: None, monkeypatch
) -> None:
    """The job ran; only the answer was cut off."""
    warehouse.ensure_layer("raw")
    client: bigquery.Client = warehouse.client
    send, cuts = client.load_table_from_file, [1]

    def cut_after(*args: object, **options: object) -> object:
        job = send(*args, **options)
        if cuts:
            cuts.pop()
            raise Disconnected("the answer never came")
        return job

    monkeypatch.setattr(client, "load_table_from_file", cut_after)
    assert warehouse.append("raw", "things", parquet(tmp_path, "select 1 as size")) == 1
    assert rows_of(warehouse) == [{"size": 1}]


def test_a_process_that_was_killed_after_its_load_is_followed_by_one_that_adds_nothing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    once = ("_sha256", "abc")
    early = parquet(tmp_path, "select 'abc' as _sha256, '08:00' as loaded_at")
    assert warehouse.append("raw", "things", early, once=once) == 1
    late = parquet(tmp_path, "select 'abc' as _sha256, '09:00' as loaded_at")
    assert warehouse.append("raw", "things", late, once=once) == 1
    assert rows_of(warehouse) == [{"_sha256": "abc", "loaded_at": "08:00"}]


def test_rows_that_were_deleted_can_be_loaded_again(warehouse: Warehouse, tmp_path: Path) -> None:
    once, file = ("_sha256", "abc"), parquet(tmp_path, "select 'abc' as _sha256")
    for _ in range(3):
        assert warehouse.append("raw", "things", file, once=once) == 1
        assert len(rows_of(warehouse)) == 1
        warehouse.execute(f"delete from {warehouse.relation('raw', 'things')} where true")


def test_export_is_the_same_parquet_as_duckdbs_and_whole_or_not_there(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    sql = (
        "select 'a' as name, 1 as n, 1.5 as x, true as yes, date '2026-10-31' as day, "
        "timestamp '2026-10-31 15:00:00' as occurred_at, cast(null as string) as nothing"
    )
    target = tmp_path / "out" / "rows.parquet"
    assert warehouse.export(sql, target) == 1
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        expected = tmp_path / "expected.parquet"
        connection.execute(f"copy ({sql}) to '{expected}' (format parquet)")
        assert (
            connection.execute(f"from '{target}'").fetchall()
            == connection.execute(f"from '{expected}'").fetchall()
        )
        types = []
        for path in (target, expected):
            described = connection.execute(f"describe from '{path}'").fetchall()
            types.append({name: kind for name, kind, *_ in described})
        assert types[0] == {**types[1], "n": "BIGINT", "x": "DOUBLE"}
    with pytest.raises(WarehouseError):
        warehouse.export("select no_such_column from nowhere.nothing", tmp_path / "bad.parquet")
    assert [path.name for path in tmp_path.glob("*bad*")] == []


def test_an_export_of_no_rows_is_a_file_with_columns(warehouse: Warehouse, tmp_path: Path) -> None:
    target = tmp_path / "none.parquet"
    assert warehouse.export("select 'a' as name, 1 as n limit 0", target) == 0
    assert [row[0] for row in duckdb.sql(f"describe from '{target}'").fetchall()] == ["name", "n"]


def test_values_are_given_as_parameters_and_question_marks_in_texts_stay(
    warehouse: Warehouse,
) -> None:
    values = ['it\'s \\ "ü"', 3, 2.5, True, datetime(2026, 1, 2, 3, 4, 5)]
    sql = "select ? as a, ? as b, ? as c, ? as d, ? as e, 'who?' as f"
    (row,) = warehouse.fetch(sql, values)
    assert list(row.values()) == [*values, "who?"]
    literal = warehouse.dialect.literal("it's \\ \n?")
    assert warehouse.fetch(f"select {literal} as told")[0]["told"] == "it's \\ \n?"


def test_columns_of_a_layer_are_told_by_table(warehouse: Warehouse, tmp_path: Path) -> None:
    assert warehouse.columns("marts") == {}
    warehouse.append("marts", "b", parquet(tmp_path, "select 1 as z, 2 as a"))
    warehouse.append("marts", "a", parquet(tmp_path, "select 1 as x"))
    assert warehouse.columns("marts") == {"a": ["x"], "b": ["z", "a"]}
    assert not warehouse.exists("marts", "c")
    assert not warehouse.exists("nowhere", "c")


def test_jobs_carry_labels_and_the_limit_of_bytes(server: Server, tmp_path: Path) -> None:
    settings = settings_for(
        server, tmp_path, maximum_bytes_billed="20GiB", labels="{team: marketing}"
    )
    with labels.labelled(command="plan", sync="Braze Audiences!"), open_warehouse(settings) as door:
        door.fetch("select 1 as one")
        door.append("raw", "things", parquet(tmp_path, "select 1 as n"))
    configurations = [job.resource["configuration"] for job in server.jobs.known.values()]
    assert [next(iter(set(one) & {"query", "load"})) for one in configurations] == ["query", "load"]
    for one in configurations:
        assert one["labels"]["team"] == "marketing"
        assert one["labels"]["command"] == "plan"
        assert one["labels"]["sync"] == "braze-audiences-"
        assert one["labels"]["madang_version"]
    assert configurations[0]["query"]["maximumBytesBilled"] == str(20 * 2**30)


def test_a_statement_that_reads_more_than_the_limit_is_refused_and_told(
    server: Server, tmp_path: Path
) -> None:
    with open_warehouse(settings_for(server, tmp_path, maximum_bytes_billed=1)) as door:
        door.append("raw", "things", parquet(tmp_path, "select 1 as n"))
        with pytest.raises(WarehouseError, match=r"It needs 0\.01 GiB") as caught:
            door.fetch(f"select n from {door.relation('raw', 'things')}")
        assert "madang cost" in caught.value.fix
        assert door.dry_run(f"select n from {door.relation('raw', 'things')}") == (8, 1)


def test_a_dataset_in_another_location_is_refused_before_anything_is_written(
    server: Server, warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.ensure_layer("raw")
    other = settings_for(server, tmp_path, location="EU")
    with open_warehouse(other) as door, pytest.raises(WarehouseError) as caught:
        door.append("raw", "things", parquet(tmp_path, "select 1 as n"))
    assert "is in asia-northeast3, and madang.yml says EU" in caught.value.message
    assert caught.value.fix and "location: asia-northeast3" in caught.value.fix
    assert not warehouse.exists("raw", "things")


DENIED = "Access Denied: Project test-project: User does not have bigquery.jobs.create permission"
UNREAD = (
    "Access Denied: Table test-project:analytics_1.events_20261031: Permission "
    "bigquery.tables.getData denied on table"
)
QUOTA = "Quota exceeded: Your project exceeded quota for free query bytes scanned"
LIMIT = "Query exceeded limit for bytes billed: 1. 10485760 or higher required."
STOPPED = "Job execution was cancelled: User requested cancellation"
IN_A_REQUEST = [
    (DENIED, "accessDenied", "bigquery.jobs.create", "roles/bigquery.jobUser"),
    (UNREAD, "accessDenied", "bigquery.tables.getData", "roles/bigquery.dataViewer"),
    (QUOTA, "quotaExceeded", "quota", "Run the command again"),
]
IN_A_JOB = [
    (QUOTA, "quotaExceeded", "quota", "Run the command again"),
    (DENIED, "accessDenied", "bigquery.jobs.create", "roles/bigquery.jobUser"),
    (LIMIT, "bytesBilledLimitExceeded", "needs 0.01 GiB", "madang cost"),
    (STOPPED, "stopped", "cancelled", "again"),
]


@pytest.mark.parametrize(("said", "reason", "message", "fix"), IN_A_REQUEST)
def test_what_google_refuses_is_told_with_what_to_do(
    server: Server, warehouse: Warehouse, said: str, reason: str, message: str, fix: str
) -> None:
    server.fail(JOBS, BigQueryError(said, reason), times=9)
    with pytest.raises(WarehouseError) as caught:
        warehouse.fetch("select 1 as one")
    assert message in caught.value.message
    assert caught.value.fix and fix in caught.value.fix
    assert "http" not in str(caught.value)


@pytest.mark.parametrize(("said", "reason", "message", "fix"), IN_A_JOB)
def test_a_job_that_fails_is_told_with_what_to_do(
    server: Server, warehouse: Warehouse, said: str, reason: str, message: str, fix: str
) -> None:
    server.fail_job("query select 1 as one", BigQueryError(said, reason))
    with pytest.raises(WarehouseError) as caught:
        warehouse.fetch("select 1 as one")
    assert message in caught.value.message
    assert caught.value.fix and fix in caught.value.fix


def test_a_cancelled_load_leaves_its_id_behind_and_the_next_run_loads(
    server: Server, warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.ensure_layer("raw")
    once, file = ("_sha256", "abc"), parquet(tmp_path, "select 'abc' as _sha256")
    server.fail_job("load .*things", BigQueryError(STOPPED, "stopped"))
    with pytest.raises(WarehouseError, match="cancelled"):
        warehouse.append("raw", "things", file, once=once)
    assert not warehouse.exists("raw", "things")
    assert warehouse.append("raw", "things", file, once=once) == 1
    assert rows_of(warehouse) == [{"_sha256": "abc"}]


def test_a_missing_table_and_a_missing_dataset_are_told_apart(warehouse: Warehouse) -> None:
    warehouse.ensure_layer("marts")
    with pytest.raises(WarehouseError, match=r"(?i)table .*persons") as caught:
        warehouse.fetch(f"select 1 from {warehouse.relation('marts', 'persons')}")
    assert "madang build" in caught.value.fix
    with pytest.raises(WarehouseError):
        warehouse.fetch(f"select 1 from {warehouse.relation('ledger', 'sync_plans')}")


@pytest.mark.parametrize("reason", ["backendError", "rateLimitExceeded", None])
def test_a_passing_failure_is_waited_out(
    server: Server, warehouse: Warehouse, quick: None, reason: str | None
) -> None:
    error = BigQueryError("Try again", reason) if reason else None
    server.fail(JOBS, error, times=2)
    assert warehouse.fetch("select 1 as one") == [{"one": 1}]


@pytest.mark.parametrize("reason", ["backendError", "rateLimitExceeded", "jobRateLimitExceeded"])
def test_a_job_that_google_asks_to_repeat_is_repeated(
    server: Server, warehouse: Warehouse, quick: None, reason: str
) -> None:
    server.fail_job("query select 1 as one", BigQueryError("Try again", reason), times=2)
    assert warehouse.fetch("select 1 as one") == [{"one": 1}]
    assert len(server.jobs.known) == 3


def test_a_network_that_stays_away_ends_in_plain_words_and_the_next_run_loads(
    server: Server, tmp_path: Path
) -> None:
    settings = settings_for(server, tmp_path, retry_seconds=0.1)
    file = parquet(tmp_path, "select 'abc' as _sha256")
    with open_warehouse(settings) as door:
        door.ensure_layer("raw")
        server.fail(UPLOAD, None, times=9)
        with pytest.raises(WarehouseError, match="cannot be reached") as caught:
            door.append("raw", "things", file, once=("_sha256", "abc"))
        assert "again" in caught.value.fix
        assert not door.exists("raw", "things")
        server.faults.clear()
        assert door.append("raw", "things", file, once=("_sha256", "abc")) == 1


def test_a_column_that_ga4_took_away_is_named(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.append("raw", "events_20261031", parquet(tmp_path, "select 'a' as event_name"))
    with pytest.raises(WarehouseError, match="batch_page_id") as caught:
        warehouse.fetch("select batch_page_id from `test-project`.madang_raw.events_20261031")
    assert "doctor" in caught.value.fix


def test_without_credentials_the_way_to_them_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(server, tmp_path, keyfile_env="TEST_KEY", api_endpoint="null")
    monkeypatch.delenv("TEST_KEY", raising=False)
    with pytest.raises(WarehouseError, match="TEST_KEY is not set"), open_warehouse(settings):
        pass
    (tmp_path / "key.json").write_text("{}", encoding="utf-8")
    monkeypatch.setenv("TEST_KEY", str(tmp_path / "key.json"))
    with pytest.raises(WarehouseError, match="key file cannot be read"), open_warehouse(settings):
        pass
