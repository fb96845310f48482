"""The local Ads and Conversions APIs keep to OpenAI's contract. Pages: `madang.sandbox.openai`."""

import hashlib
import time

import pytest
import requests

from madang.sandbox.openai import OpenAISandbox
from madang.sandbox.openai_events import MOST_EVENTS

HASH = hashlib.sha256(b"a").hexdigest()


@pytest.fixture
def openai():
    with OpenAISandbox() as sandbox:
        yield sandbox


@pytest.fixture
def asked(openai):
    """Ask with the key of the API; return (status, body)."""
    with requests.Session() as session:
        session.trust_env = False

        def ask(method: str, path: str, body: object = None, key: str | None = None):
            own = openai.conversions_key if path.startswith("/v1/events") else openai.key
            headers = {"Authorization": f"Bearer {own}"} | ({"Idempotency-Key": key} if key else {})
            address = openai.url + path
            answer = session.request(method, address, json=body, headers=headers, timeout=5)
            return answer.status_code, answer.json()

        yield ask


@pytest.fixture
def audience(asked):
    """The path of an audience that is ready."""
    _, made = asked("POST", "/v1/custom_audiences", {"name": "abc"})
    path = f"/v1/custom_audiences/{made['id']}"
    assert asked("GET", path)[1]["status"] == "processing"
    assert asked("GET", path)[1]["status"] == "ready"
    return path


def member(kind: str = "email_sha256", value: str = HASH) -> dict:
    return {"identifier_type": kind, "identifier": value}


def test_a_change_is_worked_on_later_and_one_key_is_one_change(openai, asked, audience):
    body = {"identifiers": [member(), member("phone_number_sha256")]}
    _, first = asked("POST", f"{audience}/add", body, key="k1")
    _, again = asked("POST", f"{audience}/add", {"identifiers": []}, key="k1")
    assert first == again
    assert openai.on("abc") == set()
    assert asked("POST", f"{audience}/remove", body, key="k2")[0] == 409
    path = f"{audience}/operations/{first['operation_id']}"
    assert asked("GET", path)[1]["status"] == "succeeded"
    assert openai.on("abc") == {f"email:{HASH}", f"phone:{HASH}"}
    openai.interrupted.add(first["operation_id"])
    assert asked("GET", path)[0] == 409
    assert asked("POST", f"{path}/resume")[0] == 200
    assert asked("GET", path)[0] == 200


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        ({"identifiers": [member()]}, None, "missing_idempotency_key"),
        ({"identifiers": []}, "k", "invalid_identifiers"),
        ({"identifiers": [member()] * 10_001}, "k", "invalid_identifiers"),
        ({"identifiers": [member(), member("email", "a@b.example")]}, "k", "invalid_identifiers"),
        ({"identifiers": [member()], "file_id": "f"}, "k", "unknown_parameter"),
    ],
)
def test_a_change_that_openai_would_refuse_is_refused_whole(
    openai, asked, audience, body, key, code
):
    status, told = asked("POST", f"{audience}/add", body, key=key)
    assert (status, told["error"]["code"]) == (400, code)
    assert openai.operations == {}


def test_audiences_come_in_pages(asked):
    for name in ("aaa", "bbb", "ccc"):
        asked("POST", "/v1/custom_audiences", {"name": name})
    _, first = asked("GET", "/v1/custom_audiences?limit=100")
    _, last = asked("GET", f"/v1/custom_audiences?limit=100&after={first['last_id']}")
    assert [one["name"] for one in [*first["data"], *last["data"]]] == ["aaa", "bbb", "ccc"]
    assert (first["has_more"], last["has_more"]) == (True, False)
    assert asked("POST", "/v1/custom_audiences", {"name": "ab"})[0] == 400


def event(days_ago: float = 1, **change) -> dict:
    good = {
        "id": "e1",
        "type": "order_created",
        "timestamp_ms": int((time.time() - days_ago * 86_400) * 1000),
        "action_source": "other",
        "user": {"emails_sha256": [HASH]},
        "data": {"type": "contents", "amount": 150, "currency": "KRW"},
    }
    return {key: value for key, value in {**good, **change}.items() if value is not None}


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        (event(days_ago=7.1), "events[1].timestamp_ms"),
        (event(days_ago=-1), "events[1].timestamp_ms"),
        (event(id=None), "events[1].id"),
        (event(type="bought"), "events[1].type"),
        (event(type="custom"), "events[1].custom_event_name"),
        (event(action_source="web"), "events[1].source_url"),
        (event(user={"emails_sha256": ["a@b.example"]}), "events[1].user.emails_sha256"),
        (event(user={"email": "a@b.example"}), "events[1].user"),
        (event(data={"type": "customer_action"}), "events[1].data.type"),
        (event(data={"type": "contents", "amount": 1.5}), "events[1].data.amount"),
        (event(data={"type": "contents", "amount": 1}), "events[1].data.currency"),
        (event(more=1), "events[1]"),
    ],
)
def test_one_wrong_event_is_named_and_none_of_the_request_is_taken(openai, asked, wrong, param):
    path = f"/v1/events?pid={openai.pixel}"
    status, told = asked("POST", path, {"events": [event(id="e2"), wrong]})
    assert (status, told["error"]["errors"][0]["param"]) == (400, param)
    assert openai.events == {}


def test_the_first_event_of_an_id_counts_and_a_check_keeps_none(openai, asked):
    path = f"/v1/events?pid={openai.pixel}"
    assert asked("POST", path, {"events": [event()], "validate_only": True})[0] == 200
    assert (openai.events, openai.checked) == ({}, 1)
    assert asked("POST", path, {"events": [event()]})[0] == 200
    assert asked("POST", path, {"events": [event(data={"type": "contents"})]})[0] == 200
    assert openai.events["e1"]["data"]["amount"] == 150
    assert asked("POST", "/v1/events?pid=other", {"events": [event()]})[0] == 404
    assert asked("POST", path, {"events": [event()] * (MOST_EVENTS + 1)})[0] == 400
    openai.conversions_key = "another"
    assert requests.post(f"{openai.url}{path}&key=x", json={}, timeout=5).status_code == 400
