"""The commands on BigQuery, one after another on one small company, against the local server."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import duckdb
import pytest

pytest.importorskip("zetasql", reason="the GoogleSQL engine is not installed")
pytest.importorskip("google.cloud.bigquery", reason="the extra 'bigquery' is not installed")

from google.protobuf.message import Message

from bigquery_company import EXPORT, Company, Ran, built_on_bigquery, on_bigquery, reach
from local_bigquery.bounds import unbounded
from local_bigquery.joins import without_equality
from local_bigquery.scans import scans
from local_bigquery.server.errors import BigQueryError
from local_bigquery.server.session import Session
from madang.build.dbt import run_dbt
from madang.cost.reads import Plans, Relation, Sizes
from madang.health import doctor_bigquery
from madang.settings.workspace import load_settings
from madang.warehouse import open_warehouse


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with on_bigquery(tmp_path_factory.mktemp("bigquery") / "company") as made:
        yield made


@pytest.fixture(scope="module")
def built(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Another one, after its first load and build."""
    with built_on_bigquery(shared, tmp_path_factory.mktemp("built") / "company") as made:
        yield made


@pytest.fixture(scope="module")
def day(built: Company) -> Ran:
    """`madang cost`: what the next day will cost. It compiles the run with one day to read."""
    return built.madang("cost", "--json")


@pytest.fixture(scope="module")
def compiled(built: Company, day: Ran) -> dict[str, str]:
    """The statements of the next day's run, by node."""
    path = built.root / "target" / "cost" / "manifest.json"
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"].values()
    return {node["name"]: node["compiled_code"] for node in nodes if node.get("compiled_code")}


@pytest.fixture(scope="module")
def trees(built: Company, compiled: dict[str, str]) -> dict[str, Message]:
    """The same statements as the engine understands them, without columns that nothing needs."""
    catalog = built.server.catalog
    return {
        name: Session(catalog).analyze(catalog.normalize(sql), prune=True)
        for name, sql in compiled.items()
    }


def test_before_the_first_build_nothing_is_refused_that_needs_no_table(company: Company) -> None:
    status = company.madang("status")
    assert (status.code, "nothing was loaded" in status.out) == (0, True)
    assert company.madang("check").code == 0
    told = company.madang("explain", "person", "C000001")
    assert told.code == 1
    assert "Run 'madang build'" in told.out


def test_a_build_above_the_budget_is_refused_and_builds_nothing(company: Company) -> None:
    company.configure(cost={"daily_budget": "1 MiB"})
    try:
        ran = company.madang("build")
    finally:
        company.configure(cost={})
    assert ran.code == 1
    assert "the daily budget is 1.00 MiB. Nothing was built." in ran.out
    assert "--over-budget" in ran.out
    assert not any("madang_marts" in name for name in company.server.catalog.tables)


def test_an_export_elsewhere_is_told_before_dbt_begins(company: Company) -> None:
    for change, message in (
        ({"location": "US"}, "is in asia-northeast3, and madang.yml says US"),
        ({"ga4_dataset": "analytics_9"}, "analytics_9"),
    ):
        company.configure(warehouse=reach(company.server, **change))
        try:
            ran = company.madang("build")
        finally:
            company.configure(warehouse=reach(company.server))
        assert ran.code == 1
        assert message in ran.out


def test_the_first_build_ran_every_data_test_that_there_is(built: Company) -> None:
    ran = json.loads((built.root / "target" / "run_results.json").read_text(encoding="utf-8"))
    states = {one["unique_id"]: one["status"] for one in ran["results"]}
    assert set(states.values()) <= {"success", "pass", "no-op"}
    parsed = json.loads((built.root / "target" / "manifest.json").read_text(encoding="utf-8"))
    tests = {name for name in parsed["nodes"] if name.startswith("test.")}
    assert tests
    assert tests <= set(states)


def test_files_are_loaded_once(built: Company) -> None:
    before = {name: built.rows("raw", name) for name in ("crm_customers", "_files")}
    again = built.madang("load")
    assert again.code == 0, again.out
    assert again.out.count("already loaded") >= 6
    assert before == {name: built.rows("raw", name) for name in before}


def test_marts_are_published_without_personal_columns(built: Company) -> None:
    files = {path.stem: path for path in (built.root / "marts").glob("*.parquet")}
    assert {"customers", "audience_members", "funnel_steps"} <= set(files)
    columns = {row[0] for row in duckdb.sql(f"describe from '{files['customers']}'").fetchall()}
    assert "person_id" in columns
    assert not columns & {"email", "phone", "name"}


def test_the_audiences_hold_those_whom_logins_tell(built: Company) -> None:
    """`test_truth.py` says how exactly; here it is the other warehouse."""
    with duckdb.connect() as connection:
        members = connection.execute(
            f"select audience, count(*) from '{built.root}/marts/audience_members.parquet' "
            "group by audience"
        )
        found = dict(members.fetchall())
        told = connection.execute(
            f"select audience, count(*) from '{built.root}/truth/audiences.parquet' "
            "where by_login group by audience"
        )
        seen = dict(told.fetchall())
    assert found.keys() == seen.keys()
    assert all(found[audience] >= 0.9 * people > 0 for audience, people in seen.items())


def test_plan_sync_and_what_is_told_of_them(built: Company) -> None:
    planned = built.madang("plan")
    assert planned.code == 0, planned.out
    assert "values of" in planned.out
    sent = built.madang("sync", "--apply")
    assert sent.code == 0, sent.out
    assert "succeeded" in sent.out
    again = built.madang("plan")
    assert "nothing to send: the destination has what it should have" in again.out
    deliveries = built.rows("ledger", "sync_deliveries")
    assert deliveries > 0
    status = built.madang("status")
    assert "succeeded" in status.out
    assert (built.root / "marts" / "sync_results.parquet").is_file()
    page = built.madang("report")
    assert page.code == 0, page.out


def test_a_sync_whose_warehouse_goes_away_keeps_its_receipts(built: Company) -> None:
    """Nothing is half-written: the next command brings the receipts in."""
    ledger = "test-project.madang_ledger.sync_deliveries"
    built.server.catalog.drop(ledger)  # as if nothing had been delivered
    built.madang("plan")
    built.server.fail(
        r"POST .*/upload/", BigQueryError("Access Denied: Table x", "accessDenied"), 9
    )
    cut = built.madang("sync", "--apply")
    built.server.faults.clear()
    assert "the receipts wait in the journal" in cut.out or cut.code == 1
    healed = built.madang("plan")
    assert healed.code == 0, healed.out
    assert "nothing to send" in healed.out


def test_looking_at_audiences_and_persons(built: Company) -> None:
    listed = built.madang("audiences", "list")
    assert "flagship_interest" in listed.out
    preview = built.madang("audiences", "preview", "flagship_interest")
    assert (preview.code, "By channel" in preview.out) == (0, True)
    explained = built.madang("explain", "audience", "flagship_interest")
    assert (explained.code, "Who meets what" in explained.out) == (0, True)
    person = built.madang("explain", "person", "C000001")
    assert person.code == 0, person.out
    assert "Identifiers" in person.out
    assert "@" not in person.out.replace("***@", "")
    parity = built.madang("parity", "--json")
    assert parity.code == 0, parity.out
    days = json.loads(parity.out[parity.out.index("{") :])["days"]
    assert len(days) == len(list((built.root / "ga4").glob("events_*.parquet")))
    assert all(day["duplicate_rows"] >= 0 for day in days)


def test_a_decision_is_explained_and_foretold(built: Company) -> None:
    """Somebody's customer number and e-mail address, taken apart for a trial."""
    with duckdb.connect() as db:
        number, email = db.execute(f"""
            select any_value(identifier_value) filter (identifier_type = 'crm_id'),
                any_value(identifier_value) filter (identifier_type = 'email')
            from '{built.root / "truth" / "identifiers.parquet"}'
            where not is_shared group by person
            having count(distinct identifier_type) > 2 order by 1 limit 1""").fetchall()[0]
    pair = built.madang("explain", "pair", number, email)
    assert pair.code == 0, pair.out
    assert "are one person" in pair.out
    assert "one record" in pair.out
    tried = built.madang("unmerge", number, email, "--reason", "a trial", "--dry-run")
    assert tried.code == 0, tried.out
    assert "Conversions and revenue" in tried.out
    assert "Nothing was written." in tried.out
    sent = built.madang("explain", "sent", number)
    assert sent.code == 0, sent.out
    assert "Held back now" in sent.out
    for told in (pair, tried, sent):
        assert number not in told.out
        assert email not in told.out


def test_every_job_of_madang_and_dbt_is_labelled(built: Company) -> None:
    """The server keeps the newest jobs alone, so the commands run here."""
    jobs = built.server.jobs.known
    jobs.clear()
    assert built.madang("explain", "person", "C000001").code == 0
    assert built.madang("plan", "braze_audiences").code == 0
    labelled = [job.resource["configuration"].get("labels", {}) for job in jobs.values()]
    assert labelled
    assert all("madang_version" in one for one in labelled)
    assert {one["command"] for one in labelled} == {"explain", "plan"}
    assert any(one.get("sync") == "braze_audiences" for one in labelled)


def test_cost_tells_what_each_model_of_a_day_reads(day: Ran) -> None:
    assert day.code == 0, day.out
    told = json.loads(day.out[day.out.index("{") :])
    nodes = {node["name"]: node for node in told["nodes"]}
    assert not [name for name, node in nodes.items() if node["basis"] == "not built"]
    assert nodes["base_ga4__events"]["bytes"] >= 10 * 2**20
    assert nodes["aud_flagship_interest"]["bytes"] == 0  # a view
    assert told["bytes"] == sum(node["bytes"] for node in nodes.values())
    assert told["dollars"] == pytest.approx(told["bytes"] / 2**40 * 6.25, abs=1e-3)


def test_the_forecast_on_duckdb_reads_what_the_engine_says(
    built: Company, trees: dict[str, Message], tmp_path: Path, measured: Callable[[str], None]
) -> None:
    """DuckDB's plans name the columns that GoogleSQL reads: bytes differ by less than a tenth."""
    root = tmp_path / "duckdb"
    shutil.copytree(built.root, root, ignore=shutil.ignore_patterns("target", "logs", "site"))
    local = Company(root, built.server)
    local.configure(warehouse={"type": "duckdb"})
    tables = "resource_type:model resource_type:seed resource_type:snapshot"
    for command in (["load"], ["build", "--select", tables]):
        ran = local.madang(*command)
        assert ran.code in (0, 3), ran.out
    assert local.madang("cost", "--json").code == 0
    path = root / "target" / "cost" / "manifest.json"
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"].values()
    catalog, here, there, compared = built.server.catalog, 0.0, 0.0, 0
    with open_warehouse(load_settings(root), read_only=True) as warehouse:
        plans, sizes = Plans(warehouse), Sizes(warehouse)
        files = [str(path) for path in sorted((root / "ga4").glob("events_2*.parquet"))[-1:]]

        def bytes_of(table: Relation | None, columns: Iterable[str]) -> float:
            if table is None:
                return sizes.of_files(files, columns)
            return sizes.of_table(table, columns)

        for node in nodes:
            tree = trees.get(node["name"])
            if tree is None or not node.get("compiled_code") or node["name"] == "base_ga4__shards":
                continue
            read = [(scan.table.split("."), scan.columns) for scan in scans(tree)]
            if any(
                catalog.tables[name].sql
                for parts, _ in read
                if (name := ".".join(parts)) in catalog.tables
            ):
                continue  # a view: the plan tells the tables behind it
            engine = sum(
                bytes_of(None if parts[1] == EXPORT else (parts[1], parts[2]), columns)
                for parts, columns in read
            )
            plan = sum(
                bytes_of(one.table, one.columns) for one in plans.reads(node["compiled_code"])
            )
            # DuckDB leaves out what it joins with an empty table; BigQuery reads it
            joins_empty = any(
                sizes.of_table((parts[1], parts[2]), columns) == 0
                for parts, columns in read
                if parts[1] != EXPORT and columns
            )
            told = f"{node['name']}: {plan:.0f} of {engine:.0f} bytes"
            assert plan >= 0.25 * engine or engine < 2**10 or joins_empty, told
            here, there, compared = here + plan, there + engine, compared + 1
    measured(f"cost: DuckDB's plans of {compared} statements name {here / there:.1%} of the bytes")
    assert compared > 100
    assert 0.9 <= here / there <= 1.1


def test_docs_generate_knows_every_column(built: Company) -> None:
    """The models' columns with their types, from INFORMATION_SCHEMA."""
    target = built.root / "target" / "docs"
    run_dbt(load_settings(built.root), ["docs", "generate"], target=target)
    told = json.loads((target / "catalog.json").read_text(encoding="utf-8"))
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    assert not told["errors"]
    models = {
        name: node
        for name, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed", "snapshot")
        and node["config"]["materialized"] != "ephemeral"
    }
    assert set(models) <= set(told["nodes"])
    for name, node in models.items():
        relation = f"test-project.{node['schema']}.{node['alias']}"
        columns = told["nodes"][name]["columns"]
        whole = [one for one in columns if "." not in one]  # fields of structures come after them
        assert whole == [one.name for one in built.server.catalog.tables[relation].columns]
        assert all(one["type"] for one in columns.values())
        described = {one for one, about in node["columns"].items() if about["description"]}
        assert described <= set(columns), f"{name}: described and not there"


def test_no_statement_reads_shards_or_days_without_a_literal_bound(
    built: Company, trees: dict[str, Message]
) -> None:
    catalog = built.server.catalog
    events = f"test-project.{EXPORT}.events_*"
    staging = "test-project.madang_staging"
    written, read_as = f"{staging}.base_ga4__events", f"{staging}.stg_ga4__events"
    assert catalog.tables[written].properties["requirePartitionFilter"] is True
    day = catalog.tables[written].partition_column or ""
    guarded = {events: "_TABLE_SUFFIX", written: day, read_as: day}
    read, unbound = set(), set()
    for name, tree in trees.items():
        read |= {(name, scan.table) for scan in scans(tree)}
        unbound |= {(name, table) for table in unbounded(tree, guarded)}
    assert ("base_ga4__events", events) in read
    assert ("ga4_session_days", read_as) in read
    assert unbound == {("stg_ga4__events", written)}, "a view: whoever reads it says the days"


def test_every_outer_join_has_an_equality_of_both_sides(trees: dict[str, Message]) -> None:
    """BigQuery refuses one without; GoogleSQL does not."""
    assert "sync_google__members" in trees
    assert [name for name, tree in trees.items() if without_equality(tree)] == []


def test_the_guard_itself_tells_a_literal_bound_from_none(built: Company) -> None:
    catalog = built.server.catalog
    events = f"test-project.{EXPORT}.events_*"
    shards = f"`test-project`.`{EXPORT}`.`events_*`"
    for condition, is_bound in (
        ("where _table_suffix in ('20261031', '20261030')", True),
        ("where _table_suffix between '20261001' and '20261031'", True),
        ("", False),
        ("where _table_suffix > (select '20261031')", False),
        ("where concat(_table_suffix, 'x') = '20261031x'", False),
    ):
        sql = catalog.normalize(f"select event_name from {shards} {condition}")
        tree = Session(catalog).analyze(sql, prune=True)
        assert (unbounded(tree, {events: "_TABLE_SUFFIX"}) == []) is is_bound, condition


def test_the_export_is_read_by_no_more_columns_than_are_used(
    trees: dict[str, Message],
) -> None:
    """The wide columns that nothing asks for (items, user_properties, …) cost nothing."""
    (scan,) = scans(trees["base_ga4__events"])
    assert "event_params" in scan.columns
    assert not scan.columns & {
        "items",
        "user_properties",
        "user_ltv",
        "app_info",
        "traffic_source",
        "item_params",
        "publisher",
    }
    assert len(scan.columns) <= 20


def test_doctor_online_tells_what_is_there_and_leaves_nothing_behind(built: Company) -> None:
    ran = built.madang("doctor", "--online", "--json")
    told = json.loads(ran.out[ran.out.index("{") :])
    found = {one["name"]: one for one in told["findings"]}
    for name in ("queries", "time zone", "datasets", "writing", "statements"):
        assert found[name]["status"] == "ok", found[name]
    assert found["limit of bytes"]["status"] == "warning"
    assert "7 days" in found["GA4 export"]["detail"]
    assert ("test-project", "madang_doctor") not in built.server.catalog.datasets


def test_doctor_online_finds_a_wrong_time_zone_and_a_missing_right(
    built: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_bigquery, "_statements", lambda *_: [])
    built.configure(timezone="America/Los_Angeles")
    denied = "Access Denied: Project test-project: User does not have bigquery.datasets.create"
    built.server.fail(r"POST .*/datasets$", BigQueryError(denied, "accessDenied"), 9)
    try:
        ran = built.madang("doctor", "--online", "--json")
    finally:
        built.server.faults.clear()
        built.configure(timezone="Asia/Seoul")
    assert ran.code == 1
    told = json.loads(ran.out[ran.out.index("{") :])
    found = {one["name"]: one for one in told["findings"]}
    assert found["time zone"]["status"] == "problem"
    assert "bigquery.datasets.create" in found["writing"]["detail"]
    assert "roles/bigquery.user" in found["writing"]["fix"]
