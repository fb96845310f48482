"""Retargeting: who waits for a date is on lists of Google and Meta, who got one is told once."""

import shutil
from dataclasses import dataclass, field

import pytest
import yaml

from ads_company import CLOCK, ENVIRON, AdsCompany, before_ads, google_settings
from demo_workspace import MARU, Company, madang
from madang.sandbox.google import GoogleSandbox
from madang.sandbox.meta import MetaSandbox

#: Consents change nothing else that is looked at.
LISTS = ("sync_google__members", "sync_meta__members")
BUILT = [f"stg_consent__events+,+{one}" for one in ("sync_google__conversions", *LISTS)]
CHANGED = [f"source:offline.outcomes+,+{one}" for one in ("sync_google__conversions", *LISTS)]
WAITING = "waiting_for_a_date"


@dataclass(kw_only=True)
class Story(AdsCompany):
    meta: MetaSandbox
    waiting: dict[str, str] = field(default_factory=dict)


#: Those who applied for a charger, and nothing became of it yet.
APPLIED = """
    select applied.person_id, min(numbers.customer_no), min(applied.object_id)
    from madang_activity.activities as applied
    inner join madang_marts.customer_numbers as numbers using (person_id)
    where applied.action = 'completed_application' and applied.object_type = 'charger'
        and numbers.is_current and applied.occurred_at > timestamp '2026-09-10'
        and applied.occurred_at < timestamp '2026-10-31 03:00' and not exists (
            select 1 from madang_activity.activities as others
            where others.person_id = applied.person_id
                and others.action in (
                    'scheduled', 'cancelled', 'rejected', 'schedule_failed', 'installed'
                )
        )
    group by 1
    having count(distinct applied.object_id) = 1
    order by 1
"""


@pytest.fixture(scope="module")
def story(company: Company, tmp_path_factory: pytest.TempPathFactory):
    """Some customers allow advertising; one of them says no after the plan."""
    root = tmp_path_factory.mktemp("told") / "company"
    shutil.copytree(company.root, root)
    before_ads(root)
    path = root / "madang.yml"
    settings = yaml.safe_load(path.read_text())
    with GoogleSandbox(**CLOCK) as google, MetaSandbox(**CLOCK) as meta:
        destinations = {
            "google": google_settings(google, political_ads_declared=True),
            "meta": {"ad_account_id": meta.account, "url": meta.url},
        }
        settings |= {"project": str(MARU), "destinations": destinations}
        path.write_text(yaml.safe_dump(settings))
        made = Story(root=root, google=google, meta=meta)
        numbers = made.converted()
        known = {made.said_no, *made.allow}
        waits = [row for row in made.rows(APPLIED) if row[0] not in known][:3]
        made.waiting = {person: application for person, _, application in waits}
        made.allow += made.waiting
        everyone = [*numbers, *(number for _, number, _ in waits)]
        made.consent("yes", everyone, "granted", "2026-10-31T10:00:00+09:00")
        made.build(*BUILT)
        for sync in ("google_conversions", "google_audiences", "meta_audiences"):
            made.run("plan", sync)
        made.send_after_a_no(numbers[0])
        yield made


def test_who_gets_what_they_applied_for_leaves_the_lists_and_is_told_once(story: Story) -> None:
    def keys(model: str) -> dict[str, set[str]]:
        rows = story.rows(f"""
            select person_id, sync_key from madang_activation.{model}
            where field = '{WAITING}' and held_back_reason is null
        """)
        return {who: {key for one, key in rows if one == who} for who, _ in rows}

    def on_lists() -> list[set[str]]:
        return [story.google.on(WAITING), story.meta.on(f"madang_{WAITING}")]

    waiting = [keys(model) for model in LISTS]
    assert set(story.waiting) == set(waiting[0]) == set(waiting[1])
    assert on_lists() == [set().union(*one.values()) for one in waiting]
    person, number = next(iter(story.waiting.items()))
    story.outcome("charger", number, "installed", "2026-11-01T10:30:00+09:00")
    story.build(*CHANGED)
    for sync in ("google_conversions", "google_audiences", "meta_audiences"):
        madang(story.root, "plan", sync, **ENVIRON)  # 1 where nobody is left on a list
    story.run("sync", "--apply", "--force")
    others = [[found for who, found in one.items() if who != person] for one in waiting]
    assert on_lists() == [set().union(*one) for one in others]
    ((conversion,),) = story.rows(f"""
        select conversion_key from madang_marts.conversions
        where object_id = '{number}' and verified_state = 'verified'
    """)
    told = [key for events in story.google.events.values() for key in events]
    assert told.count(conversion) == 1
    events = sum(one["path"].endswith("events:ingest") for one in story.google.log())
    story.run("plan", "google_conversions")
    story.run("sync", "--apply")
    assert sum(one["path"].endswith("events:ingest") for one in story.google.log()) == events
