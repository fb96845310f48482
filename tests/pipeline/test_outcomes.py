"""A small company without a shop's file: what its website, its installers and its rules say.

Words of partners are read by the lists, orders come from the website alone, a tag fires three
times, and some names in the rules are misspelt.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo_workspace import AS_OF, Ended, Tables, copied_project, madang, tables_of
from export_files import Row, write
from raw_events import DAY, FIRST, event

CRM = [["고객번호", "이름", "휴대폰"], ["K5", "박하늘", "010-1234-5605"]]
OUTCOMES = [
    ["결과번호", "상품", "신청번호", "라인", "고객번호", "상태", "발생일시", "금액", "사유"],
    # one application of two lines; one of them is cancelled after it was installed
    ["R1", "홈 충전기", "A1", "1", "", "설치 완료", "2026-10-30 15:00", "1200000", ""],
    ["R2", "홈 충전기", "A1", "2", "", "설치완료", "2026-10-30 15:00", "1200000", ""],
    ["R2", "홈충전기", "A1", "2", "", "취소", "2026-10-30 18:00", "", "변심 010-1234-5678"],
    # a contract that ends is no installation that was taken back
    ["R3", "충전기", "", "", "K5", "설치완료", "2026-10-01 10:00", "900000", ""],
    ["R3", "충전기", "", "", "K5", "해지", "2026-10-20 10:00", "", "이사"],
    # words of no list
    ["R4", "태양광", "A9", "", "", "재검토", "2026-10-29 10:00", "", ""],
]


def seen(path: str, at: float, device: str = "1.1", name: str = "page_view", **params: str) -> Row:
    address = {"page_location": f"https://www.maru.example{path}"}
    moment = FIRST + round(at * 1_000_000)
    made = event(name, params={**address, **params}, user_pseudo_id=device)
    return {**made, "event_timestamp": moment}


def paid(name: str, at: int, order: str, device: str | None = "1.1", **amounts: float) -> Row:
    record = {"transaction_id": order, **amounts}
    made = event(name, at, params={"currency": "KRW"}, ecommerce=record, user_pseudo_id=device)
    return made if device else {**made, "event_params": made["event_params"][1:]}


EVENTS = [
    # the tag fires three times within 0.6 seconds, and another model's tab is opened
    *[seen("/models/maru9", 10 + at, model_id="maru9") for at in (0, 0.3, 0.6)],
    seen("/models/maru3", 20, name="select_tab", tab="driving", model_id="maru3"),
    seen("/models/maru9", 30, "2.2", name="select_tab", tab="driving", model_id="maru9"),
    seen("/branches/yeouido", 40, branch_id="yeouido"),
    event("view_item", 45),
    # the application is sent, and the page with the thanks is opened again
    seen("/charger", 50, name="generate_lead", product="charger", application_id="A1"),
    seen("/charger", 55, name="generate_lead", product="charger", application_id="A1"),
    paid("purchase", 60, "T1", purchase_revenue=100_000.0),
    paid("refund", 70, "T1", refund_value=40_000.0),
    paid("purchase", 80, "T2", purchase_revenue=50_000.0),
    paid("refund", 90, "T2"),
    paid("purchase", 95, "T3", None, purchase_revenue=7_000.0),  # consent was denied
]
MISSPELT = """
          - {name: viewed_item, event: view_itm}
          - {name: earned, source: loyality}
          - {name: saw_item, event: view_item}
"""
AUDIENCE = """
models:
  - name: aud_misspelt
    description: One row per person of a rule with names that never occurred.
    config:
      meta:
        audience:
          label: 없는 이름
          within: 30 days
          rule:
            any:
              - {did: viewed_model, where: {object_id: maru99}}
              - {has: tier, is: VPI}
          consent: {purpose: marketing, channels: [email]}
"""


@dataclass
class Built:
    root: Path
    loaded: Ended
    ended: Ended
    tables: Tables


def put(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    root = tmp_path_factory.mktemp("outcomes")
    project = copied_project(root / "project")
    text = f"version: 1\nas_of: {AS_OF}\nproject: {project}\n"
    (root / "madang.yml").write_text(text, encoding="utf-8")
    actions = project / "models" / "activity" / "_activity__models.yml"
    replaced(actions, "        actions:\n", f"        actions:{MISSPELT}")
    own = actions.with_name("_own_actions.yml")
    replaced(own, "prefix: /branches/", "prefix: /brnches/")
    audiences = project / "models" / "marts" / "audiences"
    (audiences / "aud_misspelt.sql").write_text("{{ audience() }}\n")
    (audiences / "misspelt.yml").write_text(AUDIENCE, encoding="utf-8")
    put(root / "inbox" / "crm" / "customers.csv", [[*CRM[0], "등급"], [*CRM[1], "VIP"]])
    put(root / "inbox" / "offline" / "outcomes.csv", OUTCOMES)
    (root / "ga4").mkdir()
    write(EVENTS, root / "ga4" / f"events_{DAY}.parquet")
    loaded = madang(root, "load", COLUMNS="300")
    ended = madang(root, "build", COLUMNS="300")
    assert ended.code == 0, ended.told
    with tables_of(root) as tables:
        yield Built(root, loaded, ended, tables)


def test_every_row_of_a_partners_words_is_loaded_and_strange_words_are_told(built: Built):
    assert built.loaded.code == 0, built.loaded.told
    lists = {"status": ("outcome_statuses", "재검토"), "product": ("outcome_products", "태양광")}
    for column, (seed, word) in lists.items():
        told = f"1 rows have a {column} that seeds/{seed}.csv does not know ({word})."
        assert told in built.loaded.out
    assert built.tables.rows("""
        select kind, word, outcomes from madang_marts.unknown_outcome_words order by 1""") == [
        ("product", "태양광", 1),
        ("status", "재검토", 1),
    ]
    for ended in (built.ended, madang(built.root, "status", COLUMNS="300")):
        assert "Outcomes have a status that no list knows: 재검토 (1)." in ended.out


def test_each_application_and_line_stands_as_what_happened_last(built: Built):
    found = built.tables.rows("""
        select application_id, line_id, product, status, meaning, is_fulfilled, reason, lines,
            applied_at is not null, person_id is not null, outcomes
        from madang_marts.outcome_latest order by first_at, line_id""")
    assert found == [
        (None, None, "charger", "churned", "churned", True, "이사", 1, False, True, 2),
        ("A9", None, "태양광", "재검토", "unknown", False, None, 1, False, False, 1),
        ("A1", "1", "charger", "installed", "won", True, None, 2, True, False, 1),
        ("A1", "2", "charger", "cancelled", "reversed", False, "변심 (phone)", 2, True, False, 2),
    ]


def test_the_stream_has_each_status_with_its_reason_and_what_it_takes_back(built: Built):
    assert built.tables.rows("""
        select action, object_id, value, fulfilled, reason, session_key is not null
        from madang_activity.activities where source = 'offline'
        order by occurred_at, action, value""") == [
        ("installed", None, 900_000, 1, None, False),
        ("churned", None, None, None, "이사", False),
        ("outcome_unknown", "A9", None, None, None, False),
        ("installed", "A1", 1_200_000, 1, None, True),
        ("installed", "A1", 1_200_000, 1, None, True),
        ("cancelled", "A1", -1_200_000, -1, "변심 (phone)", True),
    ]


def test_without_a_shop_orders_and_revenue_are_those_of_the_website(built: Built):
    assert built.tables.rows("""
        select channel_group, sum(sessions), sum(applications), sum(fulfilled),
            sum(fulfilled_taken_back), sum(orders), sum(orders_taken_back), sum(net_order_amount)
        from madang_marts.channel_days group by 1 order by 1""") == [
        ("(no web session)", 0, 0, 1, 0, 1, 0, 7_000),
        ("Direct", 2, 1, 2, 1, 2, 1, 60_000),
    ]


def test_a_tag_that_fires_three_times_is_one_look_and_another_models_tab_is_none(built: Built):
    assert built.tables.rows("""
        select action, object_id, object_name, count(*) from madang_activity.activities
        where action in ('viewed_model', 'clicked_model_tab') group by all order by 3 nulls first
        """) == [
        ("viewed_model", "maru9", None, 1),
        ("clicked_model_tab", "driving", "maru3", 1),
        ("clicked_model_tab", "driving", "maru9", 1),
    ]
    assert built.tables.rows("""
        select subject_id from madang_marts.audience_candidates
        where audience = 'flagship_interest'""") == [("2.2",)]


def test_names_that_never_occurred_are_told_with_the_closest_that_did(built: Built):
    checked = madang(built.root, "check", COLUMNS="300")
    assert checked.code == 0, checked.told
    for said in (
        "The action 'viewed_item': no event 'view_itm' in 90 days. Did you mean 'view_item'?",
        "The action 'earned': nothing from 'loyality' in 90 days.",
        "No 'viewed_model' of the last 90 days has the object_id 'maru99'. Did you mean 'maru9'?",
        "No customer has the tier 'VPI'. Did you mean 'VIP'?",
        "The action 'viewed_branch' did not occur in 90 days, although page_view did",
    ):
        for ended in (checked, built.ended):
            assert said in ended.out, ended.told
    assert "_activity__models.yml:" in checked.out
    assert "saw_item" not in checked.out
    assert "braze" not in checked.out
