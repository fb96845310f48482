"""A demo company that was taken through everything, and how tests run commands and look at it."""

import os
import re
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import duckdb
from typer.testing import CliRunner, Result

from madang.cli import app
from madang.settings import secrets as config_secrets
from madang.settings.workspace import Settings, load_settings

SUPPORT = Path(__file__).resolve().parent
REPOSITORY = SUPPORT.parents[1]
#: The demo company's project, of which the repository is a package.
MARU = REPOSITORY / "examples" / "maru"
SCRIPTS = Path(sysconfig.get_path("scripts"))
#: The moment at which the demo company is looked at.
AS_OF = "2026-11-01T12:00:00+09:00"
#: What a test must never inherit from the shell that runs it.
OWN = ("MADANG_", "DBT_")
#: Arguments of `dbt build` that leave out data tests and unit tests.
WITHOUT_TESTS = ["--exclude-resource-type=test", "--exclude-resource-type=unit_test"]
#: What makes a dbt project of its own.
PROJECT = ("models", "macros", "seeds", "snapshots", "decisions", "tests/data")
PROJECT += ("dbt_project.yml", "profiles.yml.example")


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def told(self) -> str:
        return f"exit code {self.code}\n{self.out[-4000:]}\n{self.err[-4000:]}"


def environment(**extra: str) -> dict[str, str]:
    """The environment of a user who set nothing of ours but `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return {**kept, "DO_NOT_TRACK": "1", **extra}


@contextmanager
def as_a_user(**extra: str) -> Iterator[None]:
    """Have that environment in this process: variables of ours and of dbt are rules of a build."""
    with patch.dict(os.environ, environment(**extra), clear=True):
        yield


def command(
    program: str, *args: str | Path, cwd: Path = REPOSITORY, timeout: float = 600, **extra: str
) -> Ended:
    """Run a console script of the environment as a process of its own."""
    began = time.monotonic()
    ended = subprocess.run(
        [SCRIPTS / program, *map(str, args)],
        cwd=cwd,
        env=environment(**extra),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - began)


def invoked(root: Path, *args: str | Path, **extra: str) -> Result:
    """Run `madang --config <root> …` in this process, with the environment of `command`.

    A process of its own would spend four seconds on the import of dbt.
    """
    config_secrets._taken.clear()  # no command knows the secrets of the one before
    with as_a_user(**extra):
        result = CliRunner().invoke(app, ["--config", str(root), *map(str, args)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def madang(root: Path, *args: str | Path, **extra: str) -> Ended:
    """Run it, and note how long it took."""
    began = time.monotonic()
    result = invoked(root, *args, **extra)
    return Ended(result.exit_code, result.stdout, result.stderr, time.monotonic() - began)


def copied_project(folder: Path) -> Path:
    """A copy of the dbt project with the demo company's rules in it, for tests that change both."""
    for name in PROJECT:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(REPOSITORY / name, folder / name)
    shutil.copytree(MARU / "models", folder / "models", dirs_exist_ok=True)
    actions = folder / "models" / "activity" / "_activity__models.yml"
    own = folder / "models" / "activity" / "_own_actions.yml"
    names = re.findall(r"(?m)^ {10}- \{?name: (\w+)", own.read_text(encoding="utf-8"))
    for name in names:  # one project has each name once
        _rewrite(actions, rf"(?ms)^ {{10}}- name: {name}\n.*?(?=^ {{10}}- )", "")
    _rewrite(own, r"(?m)^ {10}- \{name: \w+, enabled: false\}\n", "")
    funnels = folder / "models" / "marts" / "journeys"
    (funnels / "funnel_purchase.sql").unlink()
    funnel = r"(?ms)^  - name: funnel_purchase\n.*?(?=^  - name)"
    _rewrite(funnels / "_journeys__models.yml", funnel, "")
    maru = (MARU / "dbt_project.yml").read_text(encoding="utf-8")
    (params,) = re.findall(r"(?ms)^  ga4_params:\n(?:    .*?\n)+", maru)
    main = folder / "dbt_project.yml"
    _rewrite(main, r"(?m)^  ga4_params: \{\}\n", f"{params}  madang_actions: [own_actions]\n")
    _rewrite(
        main,
        r"internal_hostnames: \[localhost\]",
        "internal_hostnames: [localhost, dev.maru.example]",
    )
    return folder


def _rewrite(path: Path, pattern: str, text: str) -> None:
    path.write_text(
        re.sub(pattern, lambda _: text, path.read_text(encoding="utf-8")), encoding="utf-8"
    )


def emptied(root: Path) -> Path:
    """A workspace without data; dbt's files stay, so that it need not parse the project again."""
    for name in ("ga4", "inbox", "rejects", "marts"):
        shutil.rmtree(root / name, ignore_errors=True)
    (root / "warehouse.duckdb").unlink(missing_ok=True)
    return root


class Tables:
    """Read-only SQL over a warehouse's schemas (`madang_marts.…`) and, as `truth_…`, the truth."""

    def __init__(self, root: Path) -> None:
        self._connection = duckdb.connect(config={"threads": 2})
        self.run("set TimeZone = 'UTC'")
        self.run(f"attach '{root / 'warehouse.duckdb'}' as warehouse (read_only)")
        self.run("use warehouse")
        for path in sorted((root / "truth").glob("*.parquet")):
            self.run(f"create temp view truth_{path.stem} as from '{path}'")

    def run(self, sql: str) -> None:
        self._connection.execute(sql)

    def rows(self, sql: str) -> list[tuple]:
        return self._connection.execute(sql).fetchall()

    def row(self, sql: str) -> dict:
        """The one row of a query."""
        cursor = self._connection.execute(sql)
        names = [column[0] for column in cursor.description]
        (values,) = cursor.fetchall()
        return dict(zip(names, values, strict=True))

    def value(self, sql: str) -> object:
        (value,) = self.row(sql).values()
        return value

    def close(self) -> None:
        self._connection.close()


@contextmanager
def tables_of(root: Path) -> Iterator[Tables]:
    """Look at a workspace; the warehouse is free again afterwards."""
    tables = Tables(root)
    try:
        yield tables
    finally:
        tables.close()


@dataclass(frozen=True)
class Company:
    """The company of the session. Only copies of it may be changed."""

    root: Path
    arguments: Sequence[str]
    demo: Ended

    @property
    def settings(self) -> Settings:
        return load_settings(self.root)
