"""From consent and outcomes of the demo company to ad platforms, and what Google was told then."""

import hashlib
import json
import shutil
from dataclasses import dataclass

import pytest
import yaml

from ads_company import CLOCK, PEOPLE, AdsCompany, before_ads, google_settings
from demo_workspace import MARU, Company, as_a_user
from madang.build.dbt import run_dbt
from madang.sandbox.google import GoogleSandbox
from madang.sandbox.openai import OpenAISandbox
from madang.sandbox.tiktok import TikTokSandbox
from madang.settings.workspace import load_settings

#: Consents change nothing else that is looked at.
BUILT = (
    "stg_consent__events+,+sync_google__conversions",
    "sync_tiktok__conversions",
    "sync_openai__conversions",
)
AGAIN = ("source:offline.outcomes+,+conversion_upload_results", "conversion_upload_results")


@dataclass(kw_only=True)
class Story(AdsCompany):
    tiktok: TikTokSandbox
    openai: OpenAISandbox
    cancelled: str = ""
    planned: int = 0


@pytest.fixture(scope="module")
def story(small_company: Company, tmp_path_factory: pytest.TempPathFactory):
    """Some customers allow advertising; one of them says no after the plan."""
    root = tmp_path_factory.mktemp("told") / "company"
    shutil.copytree(small_company.root, root)
    before_ads(root)
    path = root / "madang.yml"
    settings = yaml.safe_load(path.read_text())
    with (
        GoogleSandbox(**CLOCK) as google,
        TikTokSandbox(**CLOCK) as tiktok,
        OpenAISandbox(**CLOCK) as openai,
    ):
        ids = {"event_set_id": tiktok.sources["offline"], "pixel_code": tiktok.sources["web"]}
        own = {
            "google": google_settings(google),
            "tiktok": {"advertiser_id": tiktok.advertiser, "url": tiktok.url, **ids},
            "openai": {"pixel_id": openai.pixel, "url": openai.url, "events_url": openai.url},
        }
        path.write_text(yaml.safe_dump(settings | {"project": str(MARU), "destinations": own}))
        made = Story(root=root, google=google, tiktok=tiktok, openai=openai)
        numbers = made.converted()
        made.consent("yes", numbers, "granted", "2026-10-31T10:00:00+09:00")
        made.build(*BUILT)
        ((made.planned,),) = made.rows(
            "select count(*) from madang_activation.sync_google__conversions "
            "where held_back_reason is null"
        )
        made.run("plan")
        made.send_after_a_no(numbers[0])
        told = tuple(key for events in google.events.values() for key in events)
        ((made.cancelled, number),) = made.rows(f"""
            select conversion_key, object_id from madang_marts.conversions
            where conversion_key in {told} and conversion_type = 'test_drive' order by 1 limit 1
        """)
        made.outcome("test_drive", number, "cancelled", "2026-11-01T10:00:00+09:00")
        made.build(*AGAIN)
        with as_a_user():
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
            select conversions.conversion_key, contacts.email
            from madang_marts.conversions as conversions
            inner join madang_private.contacts as contacts using (person_id)
            where contacts.email like '%@post.example'
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
