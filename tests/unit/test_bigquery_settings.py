"""What madang.yml says about BigQuery and its cost, and what a bill is made of."""

from pathlib import Path

import pytest

from madang.build.dbt_environment import bigquery_environment, run_vars
from madang.cost import LEAST, MIB, CostReport, NodeCost, billed, estimate, size
from madang.errors import ConfigError, UsageError
from madang.settings.workspace import Settings, load_settings
from madang.warehouse.bigquery_errors import diagnose
from madang.warehouse.labels import allowed, current, labelled


def settings_of(folder: Path, text: str) -> Settings:
    (folder / "madang.yml").write_text("version: 1\n" + text, encoding="utf-8")
    return load_settings(folder)


def test_sizes_are_binary_and_a_mistake_in_one_is_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "cost: {daily_budget: 1.5 TiB}\n")
    assert settings.cost.daily_budget == 3 * 2**39
    assert settings_of(tmp_path, "cost: {daily_budget: 20GB}\n").cost.daily_budget == 20 * 2**30
    with pytest.raises(ConfigError, match="'20 apples' is not a size such as 20GiB"):
        settings_of(tmp_path, "cost: {daily_budget: 20 apples}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("warehouse: {type: bigquery}", "needs 'bigquery:' with at least the key 'project'"),
        ("warehouse: {type: bigquery, bigquery: {projekt: a-b-c-d}}", "Did you mean 'project'"),
        ("warehouse: {bigquery: {project: My Project}}", "is not a Google Cloud project id"),
        ("warehouse: {bigquery: {project: my-project, labels: {Team: x}}}", "a label's name"),
        ("ga4: {start_date: yesterday}", "start_date"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        settings_of(tmp_path, text + "\n")
    assert {problem.line for problem in caught.value.problems} == {2}


def test_dbt_is_told_what_the_settings_say(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TEST_KEY", "/secret/key.json")
    settings = settings_of(
        tmp_path,
        "ga4: {start_date: 2026-10-01}\n"
        "warehouse:\n  type: bigquery\n"
        "  bigquery: {project: my-project, ga4_project: their-project,"
        " ga4_dataset: analytics_1, keyfile_env: TEST_KEY, maximum_bytes_billed: 1GiB}\n",
    )
    told = bigquery_environment(settings)
    assert told["MADANG_BIGQUERY_METHOD"] == "service-account"
    assert told["MADANG_BIGQUERY_KEYFILE"] == "/secret/key.json"
    assert told["MADANG_GA4_PROJECT"] == "their-project"
    assert told["MADANG_BIGQUERY_MAXIMUM_BYTES"] == str(2**30)
    assert run_vars(settings, settings.project_dir)["ga4_start_date"] == "2026-10-01"


def test_a_local_server_gets_nobodys_credentials(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TEST_KEY", "/secret/key.json")
    settings = settings_of(
        tmp_path,
        "warehouse:\n  type: bigquery\n  bigquery: {project: my-project, keyfile_env: TEST_KEY,"
        " api_endpoint: 'http://127.0.0.1:9050'}\n",
    )
    assert bigquery_environment(settings)["MADANG_BIGQUERY_METHOD"] == "oauth-secrets"


def test_a_bill_is_rounded_up_and_has_a_least_amount() -> None:
    assert billed(0, 1) == LEAST
    assert billed(1, 3) == 3 * LEAST
    assert billed(40 * MIB + 1, 1) == 41 * MIB
    assert billed(40 * MIB, 2, statements=3) == 60 * MIB


def test_a_report_adds_up_and_knows_its_budget() -> None:
    nodes = [NodeCost("a", "model", 2**40), NodeCost("b", "test", 2**39)]
    report = CostReport(nodes, price_per_tib=6.25, budget=2**40)
    assert report.dollars == pytest.approx(9.375)
    assert report.is_over_budget
    assert not CostReport(nodes, 6.25, None).is_over_budget
    assert [node.name for node in report.largest(1)] == ["a"]
    assert size(report.bytes) == "1.50 TiB"


def test_a_duckdb_file_costs_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="costs nothing"):
        estimate(settings_of(tmp_path, ""))


def test_labels_are_spelled_as_google_allows() -> None:
    assert allowed("Braze Audiences/é" + "x" * 80) == ("braze-audiences--" + "x" * 80)[:63]
    with labelled(command="plan"), labelled(sync="a"):
        assert {"command": "plan", "sync": "a"}.items() <= current({"team": "b"}).items()
    assert "sync" not in current()


def test_a_message_that_quotes_a_value_is_told_without_it() -> None:
    told = diagnose("Bad int64 value: 010-1234-5678").message
    assert "010-1234" not in told
    assert "value not shown" in told


def test_a_message_through_dbt_is_understood_too() -> None:
    text = (
        "Database Error in model stg_ga4__events (models/staging/ga4/stg_ga4__events.sql)\n"
        "Access Denied: Table my-project:analytics_1.events_20261031: User does not have "
        "permission to query table, or perhaps it does not exist. bigquery.tables.getData"
    )
    told = diagnose(text, project="my-project")
    assert told.fix is not None
    assert "roles/bigquery.dataViewer" in told.fix
