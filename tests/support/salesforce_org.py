"""A workspace that pulls from the local Salesforce, and a company in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo_workspace import MARU
from madang.http.retry import Retry
from madang.pull import queries
from madang.pull.report import ObjectReport, PullReport
from madang.pull.salesforce import pull
from madang.sandbox.salesforce import SalesforceSandbox
from madang.settings.workspace import Settings, load_settings
from madang.warehouse import open_warehouse

LONG_AGO = datetime(2026, 10, 1, 9, tzinfo=UTC)
QUICK = Retry(attempts=3, first_contact=2, first_pause=0.01, longest_pause=0.05, budget=2)
PREFIXES = {"Account": "001", "Contact": "003", "Lead": "00Q", "Opportunity": "006", "Case": "500"}


def id_of(name: str, number: int) -> str:
    """An id of 18 characters."""
    return f"{PREFIXES.get(name, '701')}5g{number:010d}ABC"


def minutes_ago(minutes: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)


@dataclass
class Company:
    """A local Salesforce, and the workspace that pulls from it."""

    root: Path
    sandbox: SalesforceSandbox

    @property
    def environ(self) -> dict[str, str]:
        return {
            "MADANG_SALESFORCE_CLIENT_ID": self.sandbox.client_id,
            "MADANG_SALESFORCE_CLIENT_SECRET": self.sandbox.client_secret,
        }

    def settings(self, **salesforce: Any) -> Settings:
        """Write madang.yml with these keys of `salesforce:`, and read it."""
        keys = {"url": self.sandbox.url, **salesforce}
        written = "".join(f"  {key}: {value}\n" for key, value in keys.items())
        text = f"version: 1\nproject: {MARU}\nsalesforce:\n{written}"
        (self.root / "madang.yml").write_text(text, encoding="utf-8")
        return load_settings(self.root / "madang.yml")

    def pull(self, *objects: str, keys: dict[str, Any] | None = None, **options: Any) -> PullReport:
        """Pull these objects, or all."""
        settings = self.settings(**(keys or {}))
        return pull(
            settings,
            lambda: open_warehouse(settings),
            objects,
            environ=self.environ,
            retry=QUICK,
            **options,
        )

    def pull_one(self, name: str, keys: dict[str, Any] | None = None, **o: Any) -> ObjectReport:
        """Pull one object."""
        (told,) = self.pull(name, keys=keys, **o).objects
        return told

    def people(self, count: int, name: str = "Contact", **values: Any) -> None:
        """Put contacts or leads into the org, last changed long ago unless told otherwise."""
        for number in range(count):
            record = {"Name": f"김마루 {number}", "Email": f"p{number}@maru.example"}
            moments = {"CreatedDate": LONG_AGO, "SystemModstamp": LONG_AGO}
            self.sandbox.org.put(name, id_of(name, number), **moments, **record, **values)

    def landed(self, table: str) -> list[dict[str, Any]]:
        """The rows of a raw table, in the order of id and moment of change."""
        with open_warehouse(self.settings()) as warehouse:
            if not warehouse.exists("raw", table):
                return []
            relation = warehouse.relation("raw", table)
            return warehouse.fetch(f"select * from {relation} order by id, modified_at, _row")

    def asked(self, part: str) -> int:
        """How many requests had this in their path."""
        return sum(part in entry["path"] for entry in self.sandbox.log())


@contextmanager
def company(root: Path, **options: Any) -> Iterator[Company]:
    """A company with an empty org."""
    root.mkdir(parents=True, exist_ok=True)
    queries.FIRST_LOOK = 0.02
    with SalesforceSandbox(**options) as sandbox:
        yield Company(root, sandbox)
