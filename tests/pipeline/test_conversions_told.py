"""From consent and outcomes of the demo company to ad platforms, and what Google was told then."""

import csv
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import yaml

from demo_workspace import AS_OF, MARU, WITHOUT_TESTS, Company, as_a_user, madang
from madang.build.dbt import run_dbt
from madang.sandbox.google import GoogleSandbox
from madang.sandbox.openai import OpenAISandbox
from madang.sandbox.tiktok import TikTokSandbox
from madang.settings.workspace import load_settings

COLUMNS = "consent_id,customer_no,channel,purpose,status,occurred_at,collected_via"
ENVIRON = {
    "MADANG_GOOGLE_CLIENT_ID": "id",
    "MADANG_GOOGLE_CLIENT_SECRET": "hush",
    "MADANG_GOOGLE_REFRESH_TOKEN": "sandbox-refresh-token",
    "MADANG_TIKTOK_TOKEN": "sandbox-token",
    "MADANG_OPENAI_ADS_KEY": "sandbox-key",
    "MADANG_OPENAI_CONVERSIONS_KEY": "sandbox-conversions-key",
}
PEOPLE = 10
#: Consents change nothing else that is looked at.
BUILT = (
    "stg_consent__events+,+sync_google__conversions",
    "sync_tiktok__conversions",
    "sync_openai__conversions",
)
AGAIN = ("source:offline.outcomes+,+conversion_upload_results", "conversion_upload_results")


@dataclass
class Story:
    root: Path
    google: GoogleSandbox
    tiktok: TikTokSandbox
    openai: OpenAISandbox
    allow: list[str] = field(default_factory=list)
    said_no: str = ""
    cancelled: str = ""
    planned: int = 0

    def run(self, *arguments: str) -> None:
        ended = madang(self.root, *arguments, **ENVIRON)
        assert ended.code in (0, 3), ended.told

    def consent(self, name: str, customers: list[str], status: str, moment: str) -> None:
        with (self.root / f"inbox/consent/consent_log_{name}.csv").open("w") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS.split(","))
            for number in customers:
                row = [f"{name}-{number}", number, "ads", "advertising", status, moment, "my_page"]
                writer.writerow(row)
        self.run("load")

    def rows(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.root / "warehouse.duckdb"), read_only=True) as db:
            return db.execute(sql).fetchall()


CONVERTED = """
    select conversions.person_id, min(numbers.customer_no)
    from madang_marts.conversions as conversions
    inner join madang_marts.customer_numbers as numbers using (person_id)
    where conversions.verified_state = 'verified' and numbers.is_current
    group by 1
    order by 1
"""


@pytest.fixture(scope="module")
def story(small_company: Company, tmp_path_factory: pytest.TempPathFactory):
    """Some customers allow advertising; one of them says no after the plan."""
    root = tmp_path_factory.mktemp("told") / "company"
    shutil.copytree(small_company.root, root)
    path = root / "madang.yml"
    settings = yaml.safe_load(path.read_text())
    clock = {"now": lambda: datetime.fromisoformat(AS_OF)}
    with (
        GoogleSandbox(**clock) as google,
        TikTokSandbox(**clock) as tiktok,
        OpenAISandbox(**clock) as openai,
    ):
        there = {"account_id": google.account, "auth": "refresh_token", "url": google.url}
        there |= {"token_url": f"{google.url}/token", "terms_accepted": True}
        ids = {"event_set_id": tiktok.sources["offline"], "pixel_code": tiktok.sources["web"]}
        own = {
            "google": there,
            "tiktok": {"advertiser_id": tiktok.advertiser, "url": tiktok.url, **ids},
            "openai": {"pixel_id": openai.pixel, "url": openai.url, "events_url": openai.url},
        }
        path.write_text(yaml.safe_dump(settings | {"project": str(MARU), "destinations": own}))
        made = Story(root, google, tiktok, openai)
        people = made.rows(CONVERTED)[:PEOPLE]
        made.said_no, *made.allow = [person for person, _ in people]
        numbers = [number for _, number in people]
        made.consent("yes", numbers, "granted", "2026-10-31T10:00:00+09:00")
        with as_a_user():  # what is tested of these models is tested in the demo's own build
            run_dbt(load_settings(root), ["build", *WITHOUT_TESTS, "--select", *BUILT])
        ((made.planned,),) = made.rows(
            "select count(*) from madang_activation.sync_google__conversions "
            "where held_back_reason is null"
        )
        made.run("plan")
        made.consent("no", numbers[:1], "withdrawn", "2026-11-01T11:00:00+09:00")
        made.run("sync", "--apply")
        made.run("sync", "--poll")
        made.run("sync", "--poll")
        told = tuple(key for events in google.events.values() for key in events)
        ((made.cancelled, number),) = made.rows(f"""
            select conversion_key, object_id from madang_marts.conversions
            where conversion_key in {told} and conversion_type = 'test_drive' order by 1 limit 1
        """)
        cancelled = {"outcome_id": "CANCELLED", "product": "test_drive", "application_id": number}
        cancelled |= {"status": "cancelled", "occurred_at": "2026-11-01T10:00:00+09:00"}
        (root / "inbox/offline/outcomes_cancelled.ndjson").write_text(json.dumps(cancelled))
        made.run("load")
        with as_a_user():
            run_dbt(load_settings(root), ["build", *WITHOUT_TESTS, "--select", *AGAIN])
            run_dbt(load_settings(root), ["test", "--select", "conversion_upload_results_add_up"])
        yield made


def test_the_verified_conversions_of_those_who_allow_it_are_told_once(story: Story) -> None:
    """Who said no after the plan is left out, without a build in between."""
    expected = dict(
        story.rows(f"""
            select conversion_key, verified_value + reversed_value
            from madang_marts.conversions
            where verified_at is not null and person_id in {tuple(story.allow)}
            and (verified_state = 'verified' or conversion_key = '{story.cancelled}')
        """)
    )
    told = {key: one for events in story.google.events.values() for key, one in events.items()}
    assert {key: one["conversionValue"] for key, one in told.items()} == expected
    ((skipped,),) = story.rows(
        "select count(*) from madang_ledger.sync_deliveries where status = 'skipped' "
        "and reason = 'no longer permitted' and sync = 'google_conversions'"
    )
    assert skipped == story.planned - len(expected) > 0
    assert len(expected) >= PEOPLE - 1


def test_tiktok_and_openai_are_told_the_same_as_far_as_they_look_back(story: Story) -> None:
    """TikTok the same conversions, OpenAI those of the last seven days; each as the ledger says."""
    google = {key for events in story.google.events.values() for key in events}
    assert {one["properties"]["order_id"] for one in story.tiktok.events.values()} == google
    assert 0 < len(story.openai.events) < len(google)
    for platform in ("tiktok", "openai"):
        events = getattr(story, platform).events
        accepted = story.rows(
            "select sync_key from madang_ledger.sync_deliveries "
            f"where sync = '{platform}_conversions' and status = 'accepted'"
        )
        assert {key for (key,) in accepted} == set(events)
        assert "@" not in json.dumps(events)


def test_google_gets_hashes_that_can_be_made_again(story: Story) -> None:
    emails = dict(
        story.rows("""
            select conversions.conversion_key, customers.email
            from madang_marts.conversions as conversions
            inner join madang_marts.customers as customers using (person_id)
            where customers.email like '%@post.example'
        """)
    )
    checked = 0
    for events in story.google.events.values():
        for key, one in events.items():
            identifiers = one.get("userData", {}).get("userIdentifiers", [])
            found = [each["emailAddress"] for each in identifiers if "emailAddress" in each]
            if key in emails:
                assert found == [hashlib.sha256(emails[key].encode()).hexdigest()]
                checked += 1
            assert "@" not in str(one)
    assert checked > 0


def test_what_was_cancelled_since_is_shown_as_what_google_overstates(story: Story) -> None:
    """`conversion_upload_results_add_up` held after the build."""
    told = {key: one for events in story.google.events.values() for key, one in events.items()}
    value = sum(one["conversionValue"] for one in told.values())
    lost = told[story.cancelled]["conversionValue"]
    (row,) = story.rows("""
        select
            sum(conversions), sum(sent_conversions), sum(sent_value), sum(sent_verified_value),
            sum(corrections_not_possible), sum(uncorrected_value), sum(corrections_sent)
        from madang_marts.conversion_upload_results
        where platform = 'google' and state = 'applied'
    """)
    assert row == (len(told), len(told), value, value - lost, 1, lost, 0)
    assert lost > 0
    assert story.rows(f"""
        select operation, held_back_reason from madang_marts.conversion_uploads
        where platform = 'google' and conversion_key = '{story.cancelled}'
    """) == [("retraction", "no_corrections")]
