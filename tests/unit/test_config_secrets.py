"""Secrets are taken out of the environment as a command starts, and nothing after it has them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo_workspace import MARU, environment
from madang.build.dbt_environment import surroundings
from madang.settings import secrets as config_secrets
from madang.settings.workspace import load_settings

SETTINGS = f"""
version: 1
project: {MARU}
destinations:
  braze: {{url: 'https://rest.braze.example', key_env: OURS_FOR_BRAZE}}
salesforce: {{url: 'https://maru.example', client_secret_env: OURS_FOR_SALESFORCE}}
"""
LOOK = """
import os, subprocess, sys
from pathlib import Path
from madang.settings import secrets as config_secrets
from madang.settings.workspace import load_settings

config_secrets.take(load_settings(Path(sys.argv[1])))
print(config_secrets.given()["OURS_FOR_BRAZE"][::-1])
print(sorted(os.environ.items()))
print(subprocess.run(["env"], capture_output=True, text=True).stdout)
print(Path("/proc/self/environ").read_bytes() if Path("/proc/self/environ").exists() else "")
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "madang.yml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


def test_a_secret_is_read_once_and_then_nowhere_in_the_process(workspace: Path) -> None:
    secrets = {
        "OURS_FOR_BRAZE": "hush-of-braze",
        "OURS_FOR_SALESFORCE": "hush-of-salesforce",
        "MADANG_SALESFORCE_CLIENT_ID": "hush-client-id",
        "GITHUB_TOKEN": "hush-of-github",
        "PGPASSWORD": "hush-of-a-database",
    }
    ended = subprocess.run(
        [sys.executable, "-c", LOOK, str(workspace)],
        env=environment(**secrets, MADANG_SCHEMA="kept"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ezarb-fo-hsuh" in ended.stdout, "the command itself has it"
    assert "kept" in ended.stdout
    assert "hush" not in ended.stdout


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("MADANG_BRAZE_KEY", True),
        ("MADANG_SALESFORCE_PRIVATE_KEY_FILE", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("motherduck_token", True),
        ("PGPASSWORD", True),
        ("MADANG_BIGQUERY_KEYFILE", False),
        ("MADANG_BIGQUERY_TOKEN", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", False),
        ("DBT_ENV_SECRET_PASSWORD", False),
        ("MADANG_DUCKDB_PATH", False),
        ("KEYBOARD", False),
    ],
)
def test_a_name_tells_a_secret(name: str, is_secret: bool) -> None:
    assert config_secrets.looks_secret(name) is is_secret


def test_dbt_runs_without_secrets_and_they_are_there_afterwards(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OURS_FOR_BRAZE", "GITHUB_TOKEN", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "x")
    with surroundings(load_settings(workspace), {}):
        assert not {"OURS_FOR_BRAZE", "GITHUB_TOKEN", "AWS_SESSION_TOKEN"} & {*os.environ}
        assert os.environ["MADANG_TARGET"] == "duckdb"
    assert os.environ["OURS_FOR_BRAZE"] == os.environ["AWS_SESSION_TOKEN"] == "x"


def test_bigquery_keeps_what_its_login_reads(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (workspace / "madang.yml").open("a") as out:
        out.write("warehouse: {type: bigquery, bigquery: {project: maru-data}}\n")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "x")
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    with surroundings(load_settings(workspace), {}):
        assert os.environ["AWS_SESSION_TOKEN"] == "x"
        assert "GITHUB_TOKEN" not in os.environ
