"""The local Business API keeps to TikTok's contract. Pages: see `madang.sandbox.tiktok`."""

import hashlib
import time

import pytest
import requests

from madang.sandbox.tiktok import ROOT, TikTokSandbox
from madang.sandbox.tiktok_events import MOST_EVENTS
from madang.sync.destinations.tiktok.destination import MEMBERS_LIMIT

HASH = hashlib.sha256(b"a").hexdigest()


@pytest.fixture
def tiktok():
    with TikTokSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def asked(tiktok):
    """Ask with a token; return (code, data). The HTTP status is always 200."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Access-Token"] = tiktok.token

        def ask(method: str, path: str, body: object = None):
            answer = session.request(method, f"{tiktok.url}{ROOT}{path}", json=body, timeout=5)
            assert answer.status_code == 200
            return answer.json()["code"], answer.json()["data"]

        yield ask


def made(asked, tiktok, name: str = "a") -> str:
    body = {"advertiser_id": tiktok.advertiser, "custom_audience_name": name, "action": "create"}
    return asked("POST", "/segment/audience/", body)[1]["audience_id"]


def mapping(tiktok, audience: str, **change) -> dict:
    member = [{"id": HASH, "audience_ids": [audience]}, {}]
    good = {
        "advertiser_ids": [tiktok.advertiser],
        "action": "add",
        "id_schema": ["EMAIL_SHA256", "PHONE_SHA256"],
        "batch_data": [member],
    }
    return {key: value for key, value in {**good, **change}.items() if value is not None}


def test_members_are_added_and_removed_by_an_action_that_is_said(tiktok, asked):
    audience = made(asked, tiktok)
    assert asked("POST", "/segment/mapping/", mapping(tiktok, audience))[0] == 0
    assert tiktok.on("a") == {f"email:{HASH}"}
    gone = mapping(tiktok, audience, action="delete")
    assert asked("POST", "/segment/mapping/", gone)[0] == 0
    assert tiktok.on("a") == set()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"action": None}, 40002),
        ({"action": "REPLACE"}, 40002),
        ({"advertiser_ids": ["1"]}, 40001),
        ({"id_schema": ["EMAIL_SHA256"]}, 40002),
        ({"id_schema": ["EMAIL", "PHONE_SHA256"]}, 40002),
        ({"batch_data": []}, 40002),
        ({"batch_data": [[{}, {}]]}, 40002),
        ({"batch_data": [[{"id": HASH, "audience_ids": ["1"]}, {}]]}, 40002),
        ({"batch_data": [[{}, {}]] * (MEMBERS_LIMIT + 1)}, 40002),
        ({"more": 1}, 40002),
    ],
)
def test_a_request_that_tiktok_would_refuse_is_refused_with_200(tiktok, asked, change, code):
    audience = made(asked, tiktok)
    assert asked("POST", "/segment/mapping/", mapping(tiktok, audience, **change))[0] == code
    assert tiktok.on("a") == set()


def test_audiences_come_in_pages_and_a_lost_scope_has_none(tiktok, asked):
    for name in ("a", "b", "c"):
        made(asked, tiktok, name)
    path = f"/dmp/custom_audience/list/?advertiser_id={tiktok.advertiser}&page_size=100&page="
    _, first = asked("GET", f"{path}1")
    _, last = asked("GET", f"{path}2")
    assert [one["name"] for one in [*first["list"], *last["list"]]] == ["a", "b", "c"]
    assert first["page_info"]["total_page"] == 2
    tiktok.scopes.clear()
    assert asked("GET", f"{path}1")[0] == 40001


def test_a_token_in_an_address_and_a_wrong_one_are_refused(tiktok, asked):
    assert asked("GET", f"/user/info/?access_token={tiktok.token}")[0] == 40002
    tiktok.token = "another"
    assert asked("GET", "/user/info/")[0] == 40105


def event(days_ago: float = 1, **change) -> dict:
    good = {
        "event": "CompletePayment",
        "event_time": int(time.time() - days_ago * 86_400),
        "event_id": "e1",
        "user": {"email": [HASH]},
        "properties": {"value": 1.5, "currency": "KRW", "order_id": "c1"},
    }
    return {key: value for key, value in {**good, **change}.items() if value is not None}


@pytest.mark.parametrize(
    "wrong",
    [
        event(days_ago=28.1),
        event(days_ago=-1),
        event(event_id=None),
        event(event_time="1"),
        event(user={}),
        event(user={"email": ["a@b.example"]}),
        event(user={"ttclid": "x"}),
        event(properties={"value": 1.5}),
        event(page={"url": "x"}),
    ],
)
def test_one_wrong_event_and_none_of_the_request_is_taken(tiktok, asked, wrong):
    body = {"event_source": "offline", "event_source_id": tiktok.sources["offline"]}
    body["data"] = [event(event_id="e2"), wrong]
    assert asked("POST", "/event/track/", body)[0] == 40002
    assert tiktok.events == {}


def test_the_first_event_of_an_id_counts_a_test_none_and_a_foreign_source_is_refused(tiktok, asked):
    body = {"event_source": "web", "event_source_id": tiktok.sources["web"], "data": [event()]}
    assert asked("POST", "/event/track/", body)[0] == 0
    assert asked("POST", "/event/track/", {**body, "data": [event(event="Lead")]})[0] == 0
    assert tiktok.events["e1"]["event"] == "CompletePayment"
    assert asked("POST", "/event/track/", body)[0] == 0
    assert (tiktok.repeats.known, tiktok.repeats.counted) == (1, 0)
    assert asked("POST", "/event/track/", {**body, "test_event_code": "T"})[0] == 0
    assert (len(tiktok.events), len(tiktok.tests)) == (1, 1)
    assert asked("POST", "/event/track/", {**body, "event_source": "offline"})[0] == 40002
    assert asked("POST", "/event/track/", {**body, "data": [event()] * (MOST_EVENTS + 1)})[0] != 0
