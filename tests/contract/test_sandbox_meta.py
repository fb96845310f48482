"""The local Marketing API keeps to Meta's contract. Pages: see `madang.sandbox.meta`."""

import hashlib
import time
from datetime import timedelta

import pytest
import requests

from madang.sandbox.meta import MOST_ROWS, MetaSandbox
from madang.sandbox.meta_events import MOST_EVENTS
from madang.sync.destinations.meta.destination import COLUMNS

SESSION = {"session_id": 1, "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": 1}
AUDIENCE = {"name": "a", "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
HASH = hashlib.sha256(b"a").hexdigest()


def row(value: str) -> list[str]:
    return ["", value, *[""] * (len(COLUMNS) - 2)]


@pytest.fixture
def meta():
    with MetaSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def asked(meta):
    """Ask with a token; return (status, body)."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {meta.token}"

        def ask(method: str, path: str, body: object = None):
            answer = session.request(method, meta.url + path, json=body)
            return answer.status_code, answer.json()

        yield ask


@pytest.fixture
def users(asked):
    """The path of an audience's users."""
    _, made = asked("POST", "/v26.0/act_1234567890/customaudiences", AUDIENCE)
    return f"/v26.0/{made['id']}/users"


def test_members_are_added_removed_and_counted(meta, asked, users):
    body = {"payload": {"schema": COLUMNS, "data": [row(HASH), row("x")]}, "session": SESSION}
    status, told = asked("POST", users, body)
    assert (status, told["num_received"], told["num_invalid_entries"]) == (200, 2, 1)
    assert meta.on("a") == {f"email:{HASH}"}
    assert asked("DELETE", users, body)[0] == 200
    assert meta.on("a") == set()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"payload": {"schema": "EMAIL_SHA256", "data": [[HASH]]}}, 2650),
        ({"payload": {"schema": COLUMNS, "data": []}}, 100),
        ({"payload": {"schema": COLUMNS, "data": [row(HASH)] * (MOST_ROWS + 1)}}, 100),
        ({"payload": {"schema": COLUMNS, "data": [[HASH]]}}, 100),
        ({"session": None}, 100),
        ({"session": {**SESSION, "session_id": 0}}, 100),
        ({"more": 1}, 100),
    ],
)
def test_a_request_that_meta_would_refuse_is_refused_whole(meta, asked, users, change, code):
    body = {"payload": {"schema": COLUMNS, "data": [row(HASH)]}, "session": SESSION, **change}
    status, told = asked("POST", users, body)
    assert (status, told["error"]["code"]) == (400, code)
    assert meta.on("a") == set()


def test_a_token_in_an_address_is_refused(meta):
    path = f"/v26.0/act_{meta.account}/customaudiences?access_token={meta.token}"
    answer = requests.get(meta.url + path, timeout=5, proxies={"http": ""})
    assert answer.status_code == 400


def test_audiences_come_in_pages(meta, asked):
    for name in ("a", "b", "c"):
        asked("POST", "/v26.0/act_1234567890/customaudiences", {**AUDIENCE, "name": name})
    _, first = asked("GET", "/v26.0/act_1234567890/customaudiences?fields=id,name")
    after = first["paging"]["cursors"]["after"]
    _, last = asked("GET", f"/v26.0/act_1234567890/customaudiences?fields=id,name&after={after}")
    assert [one["name"] for one in [*first["data"], *last["data"]]] == ["a", "b", "c"]
    assert "next" not in last["paging"]


def event(days_ago: float = 1, **change) -> dict:
    good = {
        "event_name": "Purchase",
        "event_time": int(time.time() - days_ago * 86_400),
        "event_id": "e1",
        "action_source": "other",
        "user_data": {"em": [HASH]},
        "custom_data": {"value": 1.5, "currency": "KRW", "order_id": "c1"},
    }
    return {key: value for key, value in {**good, **change}.items() if value is not None}


@pytest.mark.parametrize(
    ("wrong", "subcode"),
    [
        (event(days_ago=7.1), 2804003),
        (event(days_ago=62.1, action_source="physical_store"), 2804003),
        (event(days_ago=-1), 2804004),
        (event(event_id=None), 2804001),
        (event(action_source="shop"), 2804016),
        (event(action_source="website"), 2804048),
        (event(user_data={"em": ["a@b.example"]}), 2804019),
        (event(user_data={}), 2804019),
        (event(user_data={"fbc": "IwAR"}), 2804017),
        (event(custom_data={"value": 1.5}), 2804007),
        (event(original_event_data={"event_time": 1}), 2804001),
        (event(order_id="1"), 2804001),
    ],
)
def test_one_wrong_event_and_none_of_the_request_is_taken(meta, asked, wrong, subcode):
    good = event(days_ago=61, action_source="physical_store", event_id="e2")
    status, told = asked("POST", f"/v26.0/{meta.dataset}/events", {"data": [good, wrong]})
    assert (status, told["error"]["code"], told["error"]["error_subcode"]) == (400, 100, subcode)
    assert meta.events == {}


def test_events_are_counted_and_the_first_of_an_id_stays(meta, asked):
    path = f"/v26.0/{meta.dataset}/events"
    status, told = asked("POST", path, {"data": [event(), event(event_name="Lead")]})
    assert (status, told["events_received"]) == (200, 2)
    assert meta.events["e1"]["event_name"] == "Purchase"
    assert asked("POST", path, {"data": []})[0] == 400
    assert asked("POST", path, {"data": [event()] * (MOST_EVENTS + 1)})[0] == 400


def test_meta_knows_a_double_for_48_hours_and_counts_it_again_after_them(meta, asked):
    path, now = f"/v26.0/{meta.dataset}/events", meta.now()
    for hours, expected in ((0, (0, 0)), (47, (1, 0)), (49, (1, 1))):
        meta.now = lambda hours=hours: now + timedelta(hours=hours)
        assert asked("POST", path, {"data": [event()]})[0] == 200
        assert (meta.repeats.known, meta.repeats.counted) == expected, hours
    assert asked("POST", path, {"data": [event(event_name="Lead")]})[0] == 200
    assert (meta.repeats.known, meta.repeats.counted) == (1, 1), "another event is no double"


def test_who_is_on_an_audience_already_changes_nothing(meta, asked, users):
    body = {"payload": {"schema": COLUMNS, "data": [row(HASH)]}, "session": SESSION}
    for method, known in (("POST", 0), ("POST", 1), ("DELETE", 1), ("DELETE", 2), ("POST", 2)):
        assert asked(method, users, body)[0] == 200
        assert (meta.repeats.known, meta.repeats.counted) == (known, 0)
