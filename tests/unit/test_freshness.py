"""What came late, by how much, and what rests on it."""

from datetime import timedelta
from pathlib import Path

import pytest

from ingest_workspace import PROJECT, own_project, put, workspace
from madang import ingest
from madang.health.freshness import freshness, in_words, not_used
from madang.settings.workspace import Settings, load_settings
from madang.specs.freshness import read_cadences
from madang.warehouse import open_warehouse

WAREHOUSE = "warehouse: {path: w.duckdb}\npaths: {inbox: inbox}\n"


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (None, ""),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(hours=1, minutes=59), "1 hour"),
        (timedelta(days=8, hours=3), "8 days"),
    ],
)
def test_a_span_is_told_in_its_largest_unit(span: timedelta | None, told: str) -> None:
    assert in_words(span) == told


def test_the_sources_of_the_project_say_how_often_they_come() -> None:
    every = {one.label: one.every for one in read_cadences(PROJECT)}
    assert every["crm.customers"] == timedelta(days=8)
    assert every["consent.events"] == timedelta(days=2)
    assert every["braze.events"] == timedelta(days=1)
    assert every["notices.notices"] is None


def test_what_is_late_is_told_with_what_rests_on_it(tmp_path: Path) -> None:
    settings = workspace(tmp_path, WAREHOUSE)
    for folder, text in {
        "inquiries": "inquiry_id,received_at,channel,status\nQ1,2026-10-01,web,open\n",
        "notices": "notice_id,body,sent_at\nN1,text,2026-10-01\n",
    }.items():
        path = settings.paths.inbox / folder / "a.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    with open_warehouse(settings) as warehouse:
        ingest.load(settings, warehouse)
        warehouse.ensure_layer("marts")
        warehouse.execute(
            f"create table {warehouse.relation('marts', 'source_dependents')} as from (values "
            "('inquiries', 'customers', 'mart'), ('inquiries', 'asked', 'audience')) "
            "as t (source_name, dependent, kind)"
        )
        fresh = {one.label: one for one in freshness(settings, warehouse)}
        last = fresh["inquiries.inquiries"].last_loaded_at
        later = (last + timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
        old = workspace(tmp_path, f"{WAREHOUSE}as_of: '{later}'\n")
        told = {one.label: one for one in freshness(old, warehouse)}
    assert fresh["inquiries.inquiries"].state == "fresh"
    assert told["inquiries.inquiries"].state == "late by 3 days"
    assert told["inquiries.inquiries"].rests == "audiences asked; 1 marts"
    assert told["notices.notices"].state == "no cadence"
    assert told["crm.customers"].state == "not used"


def states(settings: Settings) -> dict[str, str]:
    with open_warehouse(settings) as warehouse:
        return {one.label: one.state for one in freshness(settings, warehouse)}


def test_a_source_that_nobody_uses_is_not_missed_and_one_that_is_awaited_is(tmp_path: Path) -> None:
    root = tmp_path / "own"
    settings = own_project(root, "ads", "crm", "consent", "salesforce", "shop")
    put(
        root / "models/marts/_marts__models.yml",
        "models:\n  - name: aud_patient\n    config:\n      meta:\n"
        "        audience: {requires_fresh: [consent]}\n",
    )
    put(root / "inbox/crm/damaged.csv", "no header that anybody knows\n")
    put(root / "inbox/ads/meta.csv", "일,캠페인 이름,지출 금액 (KRW)\n2026-10-01,가을,100\n")
    with open_warehouse(settings) as warehouse:
        ingest.load(settings, warehouse)
        found = freshness(settings, warehouse)
    told = {one.label: one.state for one in found}
    assert told["ads.meta"] == "fresh"
    assert (told["ads.tiktok"], told["shop.orders"]) == ("not used", "not used")
    assert told["consent.events"] == "never loaded", "an audience wants it"
    assert told["crm.customers"] == "never loaded", "a file of it lies in the inbox"
    names = not_used(found).split(", ")
    assert names == ["ads.google", "ads.naver", "ads.kakao", "ads.tiktok", "salesforce", "shop"]
    put(
        root / "madang.yml",
        "version: 1\nsalesforce: {url: 'https://a.my.salesforce.com', objects: [Lead]}\n",
    )
    told = states(load_settings(root / "madang.yml"))
    assert told["salesforce.leads"] == "never loaded", "madang.yml pulls it"
    assert told["salesforce.cases"] == "not used"
