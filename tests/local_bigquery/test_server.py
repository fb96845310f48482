"""The local server answers Google's own client as BigQuery does, refusals included."""

import io
from collections.abc import Iterator

import pyarrow
import pyarrow.parquet
import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    GoogleAPICallError,
    InternalServerError,
    NotFound,
    TooManyRequests,
)
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from local_bigquery.server import Server, serve
from local_bigquery.server.errors import BigQueryError


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[bigquery.Client]:
    """Google's client on an empty project with one dataset, `d`."""
    server.catalog.datasets.clear()
    server.catalog.tables.clear()
    server.catalog.changed()
    with connected_to(server) as connected:
        connected.create_dataset("d")
        yield connected


def connected_to(server: Server) -> bigquery.Client:
    return bigquery.Client(
        project="test-project",
        location="US",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": server.url},
    )


def rows(client: bigquery.Client, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in client.query(sql).result()]


def visits(client: bigquery.Client) -> None:
    """A table cut by day, which may be read only with a bound on the day."""
    client.query(
        "create table d.visits (id int64, name string, seen timestamp) partition by date(seen) "
        "cluster by id options (description = 'Visits', require_partition_filter = true)"
    ).result()
    records = [
        {"id": 1, "name": "가", "seen": "2026-10-31T00:00:00Z"},
        {"id": 2, "name": None, "seen": "2026-11-01 01:00:00"},
    ]
    client.load_table_from_json(records, "d.visits").result()


def test_a_table_is_made_loaded_and_described(client: bigquery.Client) -> None:
    visits(client)
    table = client.get_table("d.visits")
    assert [(column.name, column.field_type) for column in table.schema] == [
        ("id", "INTEGER"),
        ("name", "STRING"),
        ("seen", "TIMESTAMP"),
    ]
    assert (table.num_rows, table.description, table.clustering_fields) == (2, "Visits", ["id"])
    assert table.time_partitioning.field == "seen"
    assert rows(client, "select name from d.visits where seen >= '2026-01-01' order by id") == [
        ("가",),
        (None,),
    ]


def test_a_read_without_a_bound_on_the_partition_is_refused(client: bigquery.Client) -> None:
    visits(client)
    with pytest.raises(BadRequest, match="without a filter over column"):
        rows(client, "select id from d.visits")
    assert rows(client, "select id from d.visits where date(seen) = '2026-11-01'") == [(2,)]


BOUND = [
    "select id from d.visits where seen >= '2026-11-01'",
    "select id from d.visits where seen > timestamp_sub(current_timestamp(), interval 9999 day)",
    "select id from d.visits where date(seen) = '2026-11-01' or date(seen) = '2026-11-02'",
    "select id from d.visits where seen is not null",
    "select id from (select id, seen as happened from d.visits) where happened >= '2026-11-01'",
    "with v as (select * from d.visits) select id from v where seen >= '2026-11-01'",
    "select id from (select * from d.visits union all select * from d.visits) "
    "where seen > '2026-11-01'",
    "select id from d.every_visit where seen >= '2026-11-01'",
    "select a.id from d.days as a join d.visits as b on a.day = date(b.seen) "
    "and b.seen > '2026-11-01'",
    "delete from d.visits where date(seen) = '2026-12-01'",
    "insert into d.visits select 3, 'c', timestamp '2026-11-02'",
    "merge into d.visits as a using d.days as b on false "
    "when not matched by source and date(a.seen) in ('2026-12-01') then delete",
    "declare day date default '2026-11-01'; select id from d.visits where date(seen) = day",
    "create or replace view d.again as select * from d.visits",
]
UNBOUND = [
    "select id from d.visits",
    "select id from d.visits where id = 1 or seen = '2026-11-01'",
    "select id from d.visits where date(seen) = (select max(day) from d.days)",
    "select id from d.visits where date(seen) in (select day from d.days)",
    "select id from d.visits where if(seen = '2026-11-01', true, false)",
    "select seen = '2026-11-01' as is_it from d.visits",
    "with v as (select * from d.visits) select id from v where seen >= '2026-11-01' "
    "union all select id from v",
    "select id from d.every_visit",
    "select a.id from d.days as a join d.visits as b on a.day = date(b.seen)",
    "select a.id from d.visits as b left join d.days as a on b.seen > '2026-11-01'",
    "update d.visits set name = 'x' where id = 1",
    "merge into d.visits as a using d.days as b on date(a.seen) = b.day when matched then delete",
    "create table d.copied as select * from d.visits",
]


@pytest.fixture
def guarded(client: bigquery.Client) -> bigquery.Client:
    visits(client)
    client.query("create view d.every_visit as select * from d.visits").result()
    client.query("create table d.days as select date '2026-11-01' as day, 7 as id").result()
    return client


@pytest.mark.parametrize("sql", BOUND)
def test_a_constant_bound_on_the_partition_is_enough(guarded: bigquery.Client, sql: str) -> None:
    guarded.query(sql).result()


@pytest.mark.parametrize("sql", UNBOUND)
def test_anything_else_is_no_bound(guarded: bigquery.Client, sql: str) -> None:
    dry = bigquery.QueryJobConfig(dry_run=True)
    for config in (dry, None):
        with pytest.raises(
            BadRequest,
            match=r"Cannot query over table 'test-project.d.visits' without a filter over "
            r"column\(s\) 'seen' that can be used for partition elimination",
        ):
            guarded.query(sql, job_config=config).result()


def test_partitions_clusters_and_options_are_kept_and_shown(client: bigquery.Client) -> None:
    client.query(
        "create table d.t (day date, id int64, seen timestamp) partition by day "
        "cluster by id, seen "
        "options (require_partition_filter = true, partition_expiration_days = 3, "
        "labels = [('team', 'web')], description = 'Say \"hi\"')"
    ).result()
    table = client.get_table("d.t")
    assert table.require_partition_filter is True
    cut = table.time_partitioning
    assert (cut.type_, cut.field, cut.expiration_ms) == ("DAY", "day", 3 * 86_400_000)
    assert (table.clustering_fields, table.labels) == (["id", "seen"], {"team": "web"})
    options = (
        "select option_name, option_type, option_value from d.INFORMATION_SCHEMA.TABLE_OPTIONS"
    )
    assert rows(client, f"{options} order by option_name") == [
        ("description", "STRING", '"Say \\"hi\\""'),
        ("labels", "ARRAY<STRUCT<STRING, STRING>>", '[STRUCT("team", "web")]'),
        ("partition_expiration_days", "FLOAT64", "3.0"),
        ("require_partition_filter", "BOOL", "true"),
    ]
    (ddl,) = rows(client, "select ddl from d.INFORMATION_SCHEMA.TABLES")[0]
    assert "PARTITION BY day\nCLUSTER BY id, seen\nOPTIONS(" in ddl
    client.query("drop table d.t").result()
    client.query(ddl).result()
    assert rows(client, f"{options} order by option_name")[2][2] == "3.0"
    client.query("alter table d.t set options (require_partition_filter = false)").result()
    assert rows(client, "select id from d.t") == []


def test_columns_without_a_name_are_numbered(client: bigquery.Client) -> None:
    found = client.query("select 1, 'x' as x, count(*), 2 from unnest([1])").result()
    assert [field.name for field in found.schema] == ["f0_", "x", "f1_", "f2_"]


def test_a_job_id_is_used_once(client: bigquery.Client) -> None:
    first = client.query("select 1", job_id="once", job_retry=None)
    first.result()
    with pytest.raises(Conflict, match=r"Already Exists: Job test-project:US\.once"):
        client.query("select 2", job_id="once", job_retry=None)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("stopped", None),
        ("rateLimitExceeded", TooManyRequests),
        ("jobRateLimitExceeded", InternalServerError),
        ("quotaExceeded", Forbidden),
        ("accessDenied", Forbidden),
        ("billingNotEnabled", Forbidden),
        ("backendError", InternalServerError),
        ("resourcesExceeded", BadRequest),
    ],
)
def test_a_job_fails_as_planned_once_and_does_nothing(
    client: bigquery.Client, server: Server, reason: str, error: type[Exception] | None
) -> None:
    server.fail_job("create table d.t", BigQueryError("as planned", reason))
    sql = "create table d.t as select 1 as a"
    client.query(sql, job_config=bigquery.QueryJobConfig(dry_run=True))
    with pytest.raises(error or GoogleAPICallError, match="as planned"):
        client.query(sql, job_retry=None).result(job_retry=None)
    assert list(client.list_tables("d")) == []
    client.query(sql).result()
    assert rows(client, "select a from d.t") == [(1,)]


def test_a_load_and_a_copy_fail_as_planned(client: bigquery.Client, server: Server) -> None:
    client.query("create table d.t (a int64)").result()
    server.fail_job("load .*d.t$", BigQueryError("User requested cancellation", "stopped"))
    with pytest.raises(GoogleAPICallError, match="User requested cancellation"):
        client.load_table_from_json([{"a": 1}], "d.t").result()
    assert client.get_table("d.t").num_rows == 0
    server.fail_job("copy .*d.u$", BigQueryError("Quota exceeded", "quotaExceeded"))
    with pytest.raises(Forbidden, match="Quota exceeded"):
        client.copy_table("d.t", "d.u").result()
    client.copy_table("d.t", "d.u").result()


@pytest.mark.parametrize(
    ("sql", "error", "words"),
    [
        ("select * from d.nope", NotFound, "Table test-project:d.nope was not found"),
        ("select * from nope.t", NotFound, "Dataset test-project:nope was not found"),
        ("select * from `test-project`.`nope`.`t`", NotFound, "Dataset test-project:nope was not"),
        ("create table d.t as select 1 as _change_type", BadRequest, "not allowed to start with"),
        ("select 1 as a, 2 as a", BadRequest, "Duplicate column names"),
        ("create table d.t as select 1", BadRequest, "must be named"),
        ("create table d.t as select 1 as _file_name", BadRequest, "not allowed to start with"),
        ("create table nope.t as select 1 as a", NotFound, "Dataset test-project:nope"),
        ("create table d.t (a string) partition by upper(a)", BadRequest, "PARTITION BY"),
        ("create table d.t (a int64) options (descripton = 'x')", BadRequest, "Unknown option"),
        ("select a from (select '1' as a) where a > 0", BadRequest, "No matching signature"),
        ("drop table d.nope", NotFound, "Not found"),
    ],
)
def test_refusals_have_bigquerys_status_and_words(
    client: bigquery.Client, sql: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        client.query(sql).result()


def test_a_dry_run_fails_where_the_run_would_and_changes_nothing(client: bigquery.Client) -> None:
    dry = bigquery.QueryJobConfig(dry_run=True)
    planned = client.query("create table d.t as select 1 as a", job_config=dry)
    assert planned.statement_type == "CREATE_TABLE_AS_SELECT"
    assert list(client.list_tables("d")) == []
    with pytest.raises(BadRequest, match="Unrecognized name"):
        client.query("select b from (select 1 as a)", job_config=dry)


def test_a_dry_run_counts_the_columns_that_are_read(client: bigquery.Client) -> None:
    client.query("create table d.t as select 1 as a, 'wide text' as b").result()
    dry = bigquery.QueryJobConfig(dry_run=True)
    assert client.query("select a from d.t", job_config=dry).total_bytes_processed == 8
    assert client.query("select a, b from d.t", job_config=dry).total_bytes_processed == 8 + 2 + 9


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("select a from (select * from d.t) as s where a > 0", 8),
        ("with s as (select * from d.t) select a from s", 8),
        ("select a from (select * from d.t union all select * from d.t) as s", 16),
        ("select a from (select * from d.t union distinct select * from d.t) as s", 38),
        ("select count(*) from d.t", 0),
        ("select 1 from d.t where exists (select a from d.t)", 8),
        ("select * from d.t", 19),
        ("create table d.u as select b from (select * from d.t)", 11),
        ("insert into d.t select a, 'x' from (select * from d.t)", 8),
    ],
)
def test_a_dry_run_counts_no_column_that_the_result_does_not_need(
    client: bigquery.Client, sql: str, size: int
) -> None:
    client.query("create table d.t as select 1 as a, 'wide text' as b").result()
    dry = bigquery.QueryJobConfig(dry_run=True)
    assert client.query(sql, job_config=dry).total_bytes_processed == size


def test_a_query_above_its_limit_is_refused(client: bigquery.Client) -> None:
    client.query("create table d.t as select 1 as a").result()
    too_low = bigquery.QueryJobConfig(maximum_bytes_billed=1024)
    with pytest.raises(InternalServerError, match="exceeded limit for bytes billed: 1024"):
        client.query("select a from d.t", job_config=too_low).result()
    enough = bigquery.QueryJobConfig(maximum_bytes_billed=10 * 1024 * 1024)
    assert [
        tuple(row) for row in client.query("select a from d.t", job_config=enough).result()
    ] == [(1,)]


def test_scripts_keep_variables_and_temporary_tables(client: bigquery.Client) -> None:
    client.query(
        """
        declare i int64 default 0;
        create temp table seen as select 1 as x;
        while i < 3 do
            set i = i + 1;
            if i = 2 then insert into seen select 100; else insert into seen select i; end if;
        end while;
        create table d.total as select sum(x) as s, count(*) as n from seen;
        """
    ).result()
    assert rows(client, "select s, n from d.total") == [(105, 4)]


def test_merge_takes_for_each_row_the_first_clause_that_applies(client: bigquery.Client) -> None:
    client.query(
        "create table d.t as select * from unnest([struct(1 as id, 'a' as v), (2, 'b'), (3, 'c')])"
    ).result()
    merged = client.query(
        """
        merge into d.t as t
        using (select 1 as id, 'A' as v union all select 2, null union all select 9, 'n') as s
        on t.id = s.id
        when matched and s.v is null then delete
        when matched then update set v = s.v
        when not matched by target then insert (id, v) values (s.id, s.v)
        when not matched by source then update set v = 'gone'
        """
    )
    merged.result()
    assert merged.num_dml_affected_rows == 4
    assert rows(client, "select id, v from d.t order by id") == [(1, "A"), (3, "gone"), (9, "n")]


def test_merge_refuses_two_sources_for_one_row(client: bigquery.Client) -> None:
    client.query("create table d.t as select 1 as id, 'a' as v").result()
    with pytest.raises(BadRequest, match="at most one source row"):
        client.query(
            "merge into d.t as t using (select * from unnest([1, 1]) as id) as s on t.id = s.id "
            "when matched then update set v = 'x'"
        ).result()
    assert rows(client, "select v from d.t") == [("a",)]


def test_update_and_delete(client: bigquery.Client) -> None:
    client.query(
        "create table d.t as select * from unnest([struct(1 as id, 0.5 as v), (2, 1.5)])"
    ).result()
    client.query("update d.t set v = 7 where t.id = 1").result()
    client.query("delete from d.t where id = 2").result()
    assert rows(client, "select id, v from d.t") == [(1, 7.0)]


def test_parquet_is_loaded_with_its_types_and_appended_only_if_it_fits(
    client: bigquery.Client,
) -> None:
    config = bigquery.LoadJobConfig(source_format="PARQUET")
    good = pyarrow.table({"x": [1, 2], "s": ["a", None], "l": [[1], []]})
    client.load_table_from_file(parquet(good), "d.t", job_config=config).result()
    assert [tuple(row) for row in client.list_rows("d.t")] == [(1, "a", [1]), (2, None, [])]
    with pytest.raises(BadRequest, match="does not match"):
        client.load_table_from_file(
            parquet(pyarrow.table({"x": ["1"]})), "d.t", job_config=config
        ).result()
    assert client.get_table("d.t").num_rows == 2


def parquet(table: pyarrow.Table) -> io.BytesIO:
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file)
    file.seek(0)
    return file


def test_streamed_rows_that_do_not_fit_are_named(client: bigquery.Client) -> None:
    client.query("create table d.t (id int64)").result()
    assert client.insert_rows_json("d.t", [{"id": 1}]) == []
    errors = client.insert_rows_json("d.t", [{"id": 2}, {"idd": 3}])
    assert [error["index"] for error in errors] == [1]
    assert rows(client, "select id from d.t") == [(1,)]


def test_a_partition_is_copied_by_its_decorator(client: bigquery.Client) -> None:
    visits(client)
    client.copy_table("test-project.d.visits$20261101", "test-project.d.day$20261101").result()
    assert rows(client, "select id from d.day where seen is not null") == [(2,)]


def test_a_wildcard_reads_all_shards_with_their_suffix(client: bigquery.Client) -> None:
    client.query("create table d.events_20261030 as select 1 as a").result()
    client.query("create table d.events_20261031 as select 2 as a, 'x' as b").result()
    found = rows(client, "select a, b, _table_suffix from `d.events_*` order by a")
    assert found == [(1, None, "20261030"), (2, "x", "20261031")]


@pytest.mark.parametrize(
    ("change", "then"),
    [
        ("insert into d.t values (2)", [(1,), (2,)]),
        ("update d.t set a = 5 where true", [(5,)]),
        ("merge into d.t using d.other on a = b when matched then delete", []),
        ("create or replace table d.t as select 7 as a", [(7,)]),
        ("create or replace view d.above as select a + 10 as a from d.t", [(11,)]),
        ("create table d.other as select 9 as b", [(1,)]),
    ],
)
def test_a_view_over_a_view_follows_its_table(
    client: bigquery.Client, change: str, then: list[tuple[int]]
) -> None:
    client.query("create table d.t as select 1 as a").result()
    if "create table d.other" not in change:
        client.query("create table d.other as select 1 as b").result()
    client.query("create view d.above as select a from d.t").result()
    client.query("create view d.top as select a from d.above").result()
    assert rows(client, "select a from d.top") == [(1,)]
    client.query(change).result()
    assert rows(client, "select a from d.top order by a") == then


@pytest.mark.parametrize(
    "change", ["rename column a to z", "drop column a"], ids=["renamed", "dropped"]
)
def test_a_view_of_a_column_that_is_gone_is_refused(client: bigquery.Client, change: str) -> None:
    client.query("create table d.t as select 1 as a, 2 as b").result()
    client.query("create view d.v as select a from d.t").result()
    assert rows(client, "select a from d.v") == [(1,)]
    client.query(f"alter table d.t {change}").result()
    with pytest.raises(BadRequest, match="Unrecognized name: a"):
        client.query("select a from d.v").result()


def test_a_view_of_all_shards_has_those_that_came_and_went(client: bigquery.Client) -> None:
    client.query("create table d.events_1 as select 1 as a").result()
    client.query("create view d.v as select a from `d.events_*`").result()
    assert rows(client, "select a from d.v") == [(1,)]
    client.query("create table d.events_2 as select 2 as a").result()
    assert rows(client, "select a from d.v order by a") == [(1,), (2,)]
    client.query("drop table d.events_1").result()
    assert rows(client, "select a from d.v") == [(2,)]


def test_a_view_of_the_tables_list_is_as_new_as_the_list(client: bigquery.Client) -> None:
    client.query("create view d.v as select table_id from d.__TABLES__").result()
    assert rows(client, "select table_id from d.v") == [("v",)]
    client.query("create table d.t as select 1 as a").result()
    assert rows(client, "select table_id from d.v order by 1") == [("t",), ("v",)]


def test_parameters_pages_and_metadata(client: bigquery.Client) -> None:
    given = [
        bigquery.ScalarQueryParameter("low", "INT64", 3),
        bigquery.ArrayQueryParameter("names", "STRING", ["a"]),
    ]
    config = bigquery.QueryJobConfig(query_parameters=given)
    sql = "select x, @names[offset(0)] as n from unnest(generate_array(1, 7)) as x where x > @low"
    found = client.query(sql, job_config=config).result(page_size=2)
    assert [tuple(row) for row in found] == [(4, "a"), (5, "a"), (6, "a"), (7, "a")]
    client.query("create view d.v as select 1 as one").result()
    assert rows(client, "select table_name, table_type from d.INFORMATION_SCHEMA.TABLES") == [
        ("v", "VIEW")
    ]
    assert rows(client, "select column_name, data_type from d.INFORMATION_SCHEMA.COLUMNS") == [
        ("one", "INT64")
    ]
    assert rows(client, "select table_id, type from d.__TABLES__") == [("v", 2)]


def test_a_routine_that_is_not_there_is_not_found(client: bigquery.Client) -> None:
    for name in ("d.nothing", "nowhere.nothing"):
        with pytest.raises(NotFound):
            client.get_routine(f"test-project.{name}")


def test_planned_faults_happen_once(client: bigquery.Client, server: Server) -> None:
    denied = "Access Denied: Dataset test-project:d: Permission bigquery.tables.list denied"
    server.fail(r"GET .*/datasets/d/tables", BigQueryError(denied, "accessDenied"))
    with pytest.raises(Forbidden, match="Access Denied"):
        list(client.list_tables("d"))
    assert list(client.list_tables("d")) == []


def test_a_dataset_is_made_once_and_looked_for_where_it_is(client: bigquery.Client) -> None:
    with pytest.raises(Conflict, match="Already Exists"):
        client.create_dataset("d")
    client.query("create table d.t as select 1 as a").result()
    with pytest.raises(NotFound, match="was not found in location EU"):
        client.query("select a from d.t", location="EU").result()


def test_another_server_becomes_what_one_is(client: bigquery.Client, server: Server) -> None:
    client.query_and_wait("create schema kept")
    client.query_and_wait("create table kept.t as select 1 as a, [struct('x' as b)] as c")
    client.query_and_wait(
        "create view kept.v as select a + 1 as a, c[offset(0)].b as b from kept.t"
    )
    with serve() as other, connected_to(other) as there:
        other.catalog.load(server.catalog.dump())
        assert rows(there, "select * from kept.v") == [(2, "x")]
        there.query_and_wait("insert into kept.t values (5, null)")
        assert rows(there, "select count(*) from kept.t") == [(2,)]
    assert rows(client, "select count(*) from kept.t") == [(1,)]
