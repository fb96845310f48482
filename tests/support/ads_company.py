"""A demo company that sends to local ad platforms: who allows it, commands, what is known then."""

import csv
import json
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from demo_workspace import AS_OF, WITHOUT_TESTS, as_a_user, madang
from madang.build.dbt import run_dbt
from madang.sandbox.google import GoogleSandbox
from madang.settings.workspace import load_settings

COLUMNS = "consent_id,customer_no,channel,purpose,status,occurred_at,collected_via"
ENVIRON = {
    "MADANG_GOOGLE_CLIENT_ID": "id",
    "MADANG_GOOGLE_CLIENT_SECRET": "hush",
    "MADANG_GOOGLE_REFRESH_TOKEN": "sandbox-refresh-token",
    "MADANG_META_TOKEN": "sandbox-token",
    "MADANG_TIKTOK_TOKEN": "sandbox-token",
    "MADANG_OPENAI_ADS_KEY": "sandbox-key",
    "MADANG_OPENAI_CONVERSIONS_KEY": "sandbox-conversions-key",
}
PEOPLE = 10
#: Of the sandboxes: they stand at the moment at which the demo company is looked at.
CLOCK = {"now": lambda: datetime.fromisoformat(AS_OF)}
CONVERTED = """
    select conversions.person_id, min(numbers.customer_no)
    from madang_marts.conversions as conversions
    inner join madang_marts.customer_numbers as numbers using (person_id)
    where conversions.verified_state = 'verified' and numbers.is_current
    group by 1
    order by 1
"""


def google_settings(google: GoogleSandbox, **more: object) -> dict[str, object]:
    there = {"account_id": google.account, "auth": "refresh_token", "terms_accepted": True}
    return {**there, "url": google.url, "token_url": f"{google.url}/token", **more}


def before_ads(root: Path) -> None:
    """Take back what the demo did about advertising: a story begins before consents and syncs."""
    before_syncs(root)
    with duckdb.connect(str(root / "warehouse.duckdb")) as db:
        db.execute("delete from madang_raw.consent_events where purpose = 'advertising'")


def before_syncs(root: Path) -> None:
    """Forget what Google and Meta were told: the demo's tables are built before its syncs."""
    with duckdb.connect(str(root / "warehouse.duckdb")) as db:
        plans = "select plan_id from madang_ledger.sync_plans where sync ~ '(google|meta)_.*'"
        for (plan_id,) in db.execute(plans).fetchall():
            shutil.rmtree(root / "plans" / plan_id)
        there = "select run_id from madang_ledger.sync_runs where destination in ('google', 'meta')"
        db.execute(f"delete from madang_ledger.sync_batches where run_id in ({there})")
        for name in ("answers", "deliveries", "plans", "plan_counts", "plan_holds", "run_counts"):
            db.execute(f"delete from madang_ledger.sync_{name} where sync ~ '(google|meta)_.*'")
        db.execute(f"delete from madang_ledger.sync_runs where run_id in ({there})")


@dataclass(kw_only=True)
class AdsCompany:
    """`allow` are those who allow advertising, `said_no` who takes it back."""

    root: Path
    google: GoogleSandbox
    allow: list[str] = field(default_factory=list)
    said_no: str = ""

    def run(self, *arguments: str) -> None:
        ended = madang(self.root, *arguments, **ENVIRON)
        assert ended.code in (0, 3), ended.told

    def build(self, *select: str) -> None:
        """Build models; what is tested of them is tested in the demo's own build."""
        with as_a_user():
            run_dbt(load_settings(self.root), ["build", *WITHOUT_TESTS, "--select", *select])

    def rows(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.root / "warehouse.duckdb"), read_only=True) as db:
            return db.execute(sql).fetchall()

    def converted(self) -> list[str]:
        """Take some with a verified conversion; return their numbers, first who will say no."""
        people = self.rows(CONVERTED)[:PEOPLE]
        self.said_no, *self.allow = [person for person, _ in people]
        return [number for _, number in people]

    def consent(self, name: str, customers: list[str], status: str, moment: str) -> None:
        with (self.root / f"inbox/consent/consent_log_{name}.csv").open("w") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS.split(","))
            for number in customers:
                row = [f"{name}-{number}", number, "ads", "advertising", status, moment, "my_page"]
                writer.writerow(row)
        self.run("load")

    def outcome(self, product: str, application: str, status: str, moment: str) -> None:
        """Load what became of an application."""
        told = {"outcome_id": status.upper(), "product": product, "application_id": application}
        told |= {"status": status, "occurred_at": moment}
        (self.root / f"inbox/offline/outcomes_{status}.ndjson").write_text(json.dumps(told))
        self.run("load")

    def send_after_a_no(self, number: str) -> None:
        """Send what is planned, after a customer took the consent back."""
        self.consent("no", [number], "withdrawn", "2026-11-01T11:00:00+09:00")
        self.run("sync", "--apply")
        self.run("sync", "--poll")
        self.run("sync", "--poll")
