"""The command line on a small real project: exit codes, one block of text, never a traceback."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from madang.cli import app
from madang.lock import workspace_lock
from madang.settings.workspace import load_settings

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = {
    *("init", "doctor", "demo", "load", "check", "build", "audiences", "plan", "sync", "status"),
    *("explain", "report", "run"),
}
FILES = {
    "dbt_project.yml": """
        name: small
        profile: madang
        vars: {timezone: Asia/Seoul, currency: KRW, as_of: null}
        models: {small: {marts: {+schema: marts, +materialized: table}}}
    """,
    "models/marts/customers.sql": """
        select 'p1' as person_id, 'VIP' as tier, 'kim@mail.example' as email,
            '{{ var("as_of") }}' as as_of
    """,
    "models/marts/_marts__models.yml": """
        models:
          - name: customers
            config: {meta: {published: true}}
            columns:
              - {name: person_id, data_tests: [unique]}
              - {name: email, config: {meta: {pii: true}}}
    """,
    "workspace/madang.yml": """
        version: 1
        project: ..
        as_of: 2026-11-01T12:00:00+09:00
    """,
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    shutil.copy(REPOSITORY / "profiles.yml.example", tmp_path)
    return tmp_path / "workspace"


def madang(workspace: Path, *args: str) -> tuple[int, str, str]:
    """Run a command in this process; give exit code, output and errors."""
    result = CliRunner().invoke(app, ["--config", str(workspace), *args])
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def test_every_command_is_there() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert {name for name in COMMANDS if f" {name} " in result.stdout} == COMMANDS
    assert "Exit codes: 0 done, 1 failed, 2 wrong use" in result.stdout


@pytest.mark.parametrize("args", [["chek"], ["build", "--ful-refresh"], ["explain", "person"]])
def test_wrong_use_is_exit_code_2(workspace: Path, args: list[str]) -> None:
    assert madang(workspace, *args)[0] == 2


def test_a_missing_configuration_is_one_block(workspace: Path) -> None:
    code, out, error = madang(workspace / "nowhere.yml", "status")
    assert (code, out) == (2, "")
    assert error.splitlines() == [
        "error: The configuration file does not exist.",
        f"where: {workspace / 'nowhere.yml'}",
        "fix:   Correct --config, or write one there with 'madang init'.",
    ]


def test_check_is_0_when_sound_and_2_with_the_line_when_not(workspace: Path) -> None:
    assert madang(workspace, "check")[0] == 0
    bad = workspace.parent / "models" / "marts" / "aud.yml"
    bad.write_text("models:\n  - name: aud_x\n    config:\n      meta:\n        audience: {}\n")
    code, out, _ = madang(workspace, "check")
    assert code == 2
    assert "models/marts/aud.yml:2: There is no aud_x.sql for this rule." in out
    assert "models/marts/aud.yml:5: The key 'consent' is missing." in out


def test_a_build_publishes_the_marts_without_personal_data(workspace: Path) -> None:
    code, out, error = madang(workspace, "build")
    assert code == 0, error
    assert "1 pass, 1 success" in out
    published = duckdb.read_parquet(str(workspace / "marts" / "customers.parquet"))
    assert published.columns == ["person_id", "tier", "as_of"]
    assert published.fetchall() == [("p1", "VIP", "2026-11-01T03:00:00Z")]
    assert (workspace / "target" / "manifest.json").is_file()
    assert (workspace / "logs" / "dbt.log").is_file()
    assert sorted(path.name for path in workspace.parent.iterdir()) == [
        *("dbt_project.yml", "models", "profiles.yml.example", "workspace"),
    ]


def test_a_build_that_selects_nothing_fails(workspace: Path) -> None:
    code, _, error = madang(workspace, "build", "--select", "no_such_model")
    assert code == 2
    assert "error: dbt selected nothing" in error
    assert "no_such_model" in error


def test_failed_nodes_are_told_with_their_message(workspace: Path) -> None:
    model = workspace.parent / "models" / "marts" / "customers.sql"
    model.write_text("select unnest(['p1', 'p1']) as person_id, 'a' as email\n")
    code, _, error = madang(workspace, "build")
    assert code == 1
    assert "test unique_customers_person_id (models/marts/_marts__models.yml)" in error
    assert "Got 1 result" in error
    model.write_text("select no_such_column as person_id\n")
    code, _, error = madang(workspace, "build")
    assert code == 1
    assert "model customers (models/marts/customers.sql)" in error
    assert 'Referenced column "no_such_column"' in error


def test_a_locked_warehouse_is_told_before_dbt_begins(workspace: Path) -> None:
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(); sys.stdin.readline()"
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(workspace / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        code, _, error = madang(workspace, "build")
    finally:
        process.communicate("\n", timeout=20)
    assert code == 1
    assert f"in use by another process (process id {process.pid})" in error


def test_a_second_run_exits_at_once(workspace: Path) -> None:
    """Two real processes; the first is this one."""
    with workspace_lock(load_settings(workspace), "run"):
        command = [sys.executable, "-c", "from madang.cli import main; main()"]
        second = subprocess.run(
            [*command, "--config", str(workspace), "run"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert second.returncode == 1
    assert "Another run is at work in this workspace: madang run, process id" in second.stderr
    assert not (workspace / "warehouse.duckdb").exists()


def test_the_unforeseen_is_one_block_and_the_traceback_is_in_the_log(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody saw this coming")

    monkeypatch.setattr("madang.health.status.show_status", broken)
    code, _, error = madang(workspace, "status")
    assert code == 1
    assert error.startswith("error: Something unforeseen went wrong (ZeroDivisionError).\nwhere: ")
    assert "nobody saw this coming" not in error
    (log,) = (workspace / "logs").glob("error-*.log")
    assert "nobody saw this coming" in log.read_text()


def test_doctor_speaks_json(workspace: Path) -> None:
    code, out, _ = madang(workspace, "doctor", "--json")
    told = json.loads(out)
    assert (code, told["status"]) == (0, "warning")
    found = {finding["name"]: finding["status"] for finding in told["findings"]}
    assert (found["dbt project"], found["warehouse"], found["inbox"]) == ("ok", "ok", "warning")


def test_doctor_tells_a_broken_warehouse(workspace: Path) -> None:
    (workspace / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    code, out, _ = madang(workspace, "doctor")
    assert code == 1
    assert "problem  warehouse: This file is not a DuckDB database." in out


def test_init_writes_a_workspace_and_overwrites_nothing(tmp_path: Path) -> None:
    runner = CliRunner()
    (tmp_path / "dbt_project.yml").write_text("name: small\n")
    (tmp_path / "profiles.yml.example").write_text("madang: {}\n")
    assert runner.invoke(app, ["init", str(tmp_path)]).exit_code == 0
    assert load_settings(tmp_path).paths.inbox.is_dir()
    assert (tmp_path / "profiles.yml").read_text() == "madang: {}\n"
    changed = (tmp_path / "madang.yml").read_text().replace("currency: KRW", "currency: USD")
    (tmp_path / "madang.yml").write_text(changed)
    again = runner.invoke(app, ["init", str(tmp_path)])
    assert again.exit_code == 0
    assert "wrote" not in again.stdout
    assert load_settings(tmp_path).currency == "USD"


def test_status_works_before_anything_was_built(workspace: Path) -> None:
    code, out, _ = madang(workspace, "status")
    assert code == 0
    assert "last build  never" in out
    assert "There is no warehouse yet" in out


def test_reading_an_unbuilt_warehouse_says_what_to_run(workspace: Path) -> None:
    code, _, error = madang(workspace, "explain", "person", "C000001")
    assert code == 1
    assert "madang build" in error


def test_an_unknown_audience_is_wrong_use(workspace: Path) -> None:
    code, _, error = madang(workspace, "audiences", "preview", "nobody")
    assert code == 2
    assert "There is no audience named 'nobody'." in error


def test_the_demo_refuses_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    result = CliRunner().invoke(app, ["demo", "--people", "100", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "This folder holds something else than a demo." in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
