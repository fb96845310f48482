"""A small company on the local BigQuery, and how to run commands in it."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import duckdb
import yaml

from demo_workspace import MARU, invoked
from local_bigquery.project import copy_shards
from local_bigquery.server import Server, serve
from madang.demo import generate
from madang.sandbox.braze import BrazeSandbox, make_catalogs

KEY = "11111111-2222-3333-4444-555555555555"
EXPORT = "analytics_000000000"
MOMENT = "2026-10-30T10:00:00+09:00"
#: Records of a system that the generator has no rows of; the first two are of a known person.
SALESFORCE = {
    "salesforce/contacts_known.csv": """
        Id,Name,Email,Customer_No__c,CreatedDate,SystemModstamp,IsDeleted
        TR-CONTACT-1,Somebody Named,tr.private@post.example,{number},{moment},{moment},false""",
    "salesforce/cases_known.csv": """
        Id,ContactId,Origin,Status,CreatedDate,SystemModstamp,IsDeleted
        TR-CASE-1,TR-CONTACT-1,Phone,New,{moment},{moment},false
        TR-CASE-2,TR-CONTACT-2,Phone,New,{moment},{moment},false""",
}


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
        ran = invoked(self.root, *args, MADANG_BRAZE_KEY=KEY)
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


def known_people(root: Path) -> list[tuple[str, str, str]]:
    """Two customers who log in and share nothing: customer number, e-mail address, phone number."""
    with duckdb.connect() as db:
        return db.execute(f"""
            select any_value(identifier_value) filter (identifier_type = 'crm_id') as number,
                any_value(identifier_value) filter (identifier_type = 'email'),
                any_value(identifier_value) filter (identifier_type = 'phone')
            from '{root / "truth" / "identifiers.parquet"}'
            group by person
            having count(*) filter (identifier_type in ('crm_id', 'email', 'phone')) = 3
                and count(distinct identifier_type) >= 3 and not bool_or(is_shared)
            order by count(*) filter (identifier_type = 'user_id') desc, number
            limit 2""").fetchall()


def put(root: Path, files: dict[str, str], **values: str) -> None:
    """Bring files into the inbox, their words in braces replaced."""
    for name, text in files.items():
        lines = text.format(**values, moment=MOMENT).strip().splitlines()
        path = root / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(line.strip() for line in lines) + "\n", encoding="utf-8")


@contextmanager
def on_bigquery(root: Path, people: int = 100, days: int = 7) -> Iterator[Company]:
    """Generate a company whose warehouse is a local BigQuery, with a local Braze beside it."""
    generate(root, people=people, days=days)
    with _opened(root) as company:
        copy_shards(company.server, root / "ga4")
        yield company


@contextmanager
def built_on_bigquery(shared: Path, root: Path) -> Iterator[Company]:
    """A copy of its own of the company that a run loads and builds once, for all worker processes.

    `shared` is the folder of the run.
    """
    folder = shared / "bigquery"
    folder.mkdir(exist_ok=True)
    kept = folder / "catalog"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            shutil.rmtree(folder / "company", ignore_errors=True)
            with on_bigquery(folder / "company") as first:
                number, *_ = known_people(first.root)[0]
                put(first.root, SALESFORCE, number=number)
                first.built()
                kept.write_bytes(first.server.catalog.dump())
    shutil.copytree(folder / "company", root, ignore=shutil.ignore_patterns("sandbox.sqlite*"))
    with _opened(root) as company:
        company.server.catalog.load(kept.read_bytes())
        yield company


@contextmanager
def _opened(root: Path) -> Iterator[Company]:
    """A workspace with servers of its own."""
    with (
        serve("test-project", "asia-northeast3") as server,
        BrazeSandbox(0, KEY, root / "sandbox.sqlite") as braze,
    ):
        company = Company(root, server, braze)
        company.configure(
            project=str(MARU),
            warehouse=reach(server),
            destinations={"braze": {"url": braze.url, "key_env": "MADANG_BRAZE_KEY"}},
        )
        make_catalogs(braze, root)
        yield company
