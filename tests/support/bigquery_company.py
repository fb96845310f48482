"""A small company on the local BigQuery, and how to run commands in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml
from typer.testing import CliRunner

from local_bigquery.project import copy_shards
from local_bigquery.server import Server, serve
from madang.cli import app
from madang.demo import generate
from madang.sandbox.braze import BrazeSandbox

KEY = "11111111-2222-3333-4444-555555555555"
EXPORT = "analytics_000000000"


@dataclass
class Ran:
    """A command that ended."""

    code: int
    out: str


@dataclass
class Company:
    """A workspace on the local BigQuery, and how to run a command in it."""

    root: Path
    server: Server
    braze: BrazeSandbox | None = None

    def configure(self, **changes: object) -> None:
        path = self.root / "madang.yml"
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump({**settings, **changes}), encoding="utf-8")

    def madang(self, *args: str) -> Ran:
        runner = CliRunner(env={"MADANG_BRAZE_KEY": KEY})  # each command takes it out of its own
        ran = runner.invoke(app, ["--config", str(self.root), *args])
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return Ran(ran.exit_code, ran.output)

    def rows(self, dataset: str, table: str) -> int:
        found = self.server.catalog.tables[f"test-project.madang_{dataset}.{table}"]
        return len(found.rows.table_data.row)

    def built(self) -> Self:
        """Load and build for the first time."""
        loaded = self.madang("load")
        assert loaded.code in (0, 3), loaded.out
        ran = self.madang("build")
        assert ran.code == 0, ran.out
        return self


def reach(server: Server, **changes: object) -> dict:
    bigquery = {
        "project": "test-project",
        "ga4_dataset": EXPORT,
        "api_endpoint": server.url,
        "retry_seconds": 5,
        **changes,
    }
    return {"type": "bigquery", "schema": "madang", "threads": 4, "bigquery": bigquery}


@contextmanager
def on_bigquery(root: Path, people: int = 100, days: int = 7) -> Iterator[Company]:
    """Generate a company whose warehouse is a local BigQuery, with a local Braze beside it."""
    generate(root, people=people, days=days)
    with (
        serve("test-project", "asia-northeast3") as server,
        BrazeSandbox(0, KEY, root / "sandbox.sqlite") as braze,
    ):
        copy_shards(server, root / "ga4")
        company = Company(root, server, braze)
        company.configure(
            warehouse=reach(server),
            destinations={"braze": {"url": braze.url, "key_env": "MADANG_BRAZE_KEY"}},
        )
        yield company
