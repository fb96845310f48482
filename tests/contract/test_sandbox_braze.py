"""The local Braze keeps to Braze's contract; what passes here is meant to pass there.

Rules: https://www.braze.com/docs/api/endpoints/user_data/post_user_track and …/api_limits
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import requests

from madang.sandbox.braze import BrazeSandbox

KEY = "sandbox-key"


@pytest.fixture
def braze():
    with BrazeSandbox(key=KEY, control=True) as sandbox:
        yield sandbox


@pytest.fixture
def session():
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {KEY}"
        yield session


@pytest.fixture
def track(braze, session):
    def post(*attributes, **arrays):
        body = {"attributes": list(attributes), **arrays} if attributes else arrays
        return session.post(f"{braze.url}/users/track", json=body)

    return post


def test_attributes_are_stored_changed_and_removed_by_null(track, braze):
    answer = track({"external_id": "C1", "a": True, "b": "x"}, {"external_id": "C2", "a": 1})
    assert answer.status_code == 201
    assert answer.json() == {"message": "success", "attributes_processed": 2}
    track({"external_id": "C1", "a": None, "b": "y"})
    assert braze.users() == {"C1": {"b": "y"}, "C2": {"a": 1}}


def test_update_existing_only_creates_nobody(track, braze):
    answer = track({"external_id": "C1", "_update_existing_only": True, "a": 1})
    assert answer.status_code == 201
    assert braze.users() == {}


def test_arrays_add_and_remove_and_are_cut_at_25(track, braze):
    track({"external_id": "C1", "tags": ["a", "b"]})
    track({"external_id": "C1", "tags": {"add": ["c"], "remove": ["a"]}})
    track({"external_id": "C1", "many": list(range(40)), "n": {"inc": 2}})
    assert braze.users()["C1"] == {"tags": ["b", "c"], "many": list(range(25)), "n": 2}


@pytest.mark.parametrize("key", ["wrong", ""])
def test_a_wrong_key_is_401_and_repeated_as_braze_does(braze, session, key):
    answer = session.post(
        f"{braze.url}/users/track",
        json={"attributes": [{"external_id": "C1"}]},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert (answer.status_code, answer.json()["message"]) == (401, f"Invalid API key: {key}")
    assert braze.users() == {}


def test_more_objects_than_the_limit_are_refused_whole(track, braze):
    objects = [{"external_id": f"C{n}", "a": 1} for n in range(51)]
    answer = track(*objects)
    assert (answer.status_code, answer.json()["message"]) == (400, "Max Input Length Exceeded")
    events = [{"external_id": "C1", "name": "e", "time": "2026-11-01T00:00:00Z"}] * 20
    assert track(*objects[:31], events=events).status_code == 400  # combined
    assert track(*objects[:30], events=events).json()["events_processed"] == 20
    assert len(braze.users()) == 30


def test_75_objects_pass_where_the_contract_says_so(session):
    with BrazeSandbox(key=KEY, objects_limit=75) as braze:
        body = {"attributes": [{"external_id": f"C{n}"} for n in range(75)]}
        assert session.post(f"{braze.url}/users/track", json=body).status_code == 201


def test_more_than_four_megabytes_is_413(track):
    assert track({"external_id": "C1", "note": "x" * 4_000_000}).status_code == 413


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b"{}", 415),
        ("application/json", b"{", 400),
        ("application/json", b'{"attributes": [{"external_id": "C1", "n": NaN}]}', 400),
        ("application/json", b"[]", 400),
        ("application/json", b"{}", 400),
        ("application/json", b'{"attributes": {}}', 400),
        ("application/json; charset=utf-8", b'{"attributes": [{"external_id": "C1"}]}', 201),
        ("application/json", b'{"atributes": [{"external_id": "C1"}]}', 400),
    ],
)
def test_what_is_no_request_is_refused(braze, session, content_type, body, status):
    headers = {"Content-Type": content_type}
    answer = session.post(f"{braze.url}/users/track", data=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"a": 1}, "is required"),
        ({"external_id": "C1", "braze_id": "b"}, "only one of"),
        ({"external_id": ""}, "'external_id' is not valid"),
        ({"external_id": 5}, "'external_id' is not valid"),
        ({"user_alias": {"alias_name": "x"}}, "alias_label"),
        ({"external_id": "C1", "$x": 1}, "not a valid attribute name"),
        ({"external_id": "C1", "a": [[1]]}, "'a' is not valid"),
        ({"external_id": "C1", "n": {"inc": "x"}}, "'n' is not valid"),
        ("C1", "must be an object"),
    ],
)
def test_a_bad_object_is_named_inside_a_201_and_the_others_are_stored(track, braze, bad, said):
    answer = track({"external_id": "G1", "a": 1}, bad, {"external_id": "G2", "a": 1})
    assert answer.status_code == 201
    body = answer.json()
    assert body["attributes_processed"] == 2
    (error,) = body["errors"]
    assert (error["input_array"], error["index"]) == ("attributes", 1)
    assert said in error["type"]
    assert set(braze.users()) == {"G1", "G2"}


def test_when_every_object_is_bad_it_is_400_and_each_is_named(track):
    answer = track({"a": 1}, {"b": 1})
    assert answer.status_code == 400
    assert "Valid data must be provided" in answer.json()["message"]
    assert [error["index"] for error in answer.json()["errors"]] == [0, 1]


def test_rate_windows_end_on_the_clock_and_are_told_in_headers(session):
    with BrazeSandbox(key=KEY, rate_limit=(3, 2.0)) as braze:
        body = {"attributes": [{"external_id": "C1"}]}
        time.sleep(2.0 - time.time() % 2.0 + 0.05)  # to the start of a window
        answers = [session.post(f"{braze.url}/users/track", json=body) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
        told = [answer.headers["X-RateLimit-Remaining"] for answer in answers]
        assert told == ["2", "1", "0", "0"]
        last = answers[-1].headers
        assert last["X-RateLimit-Limit"] == "3"
        assert "Retry-After" not in last
        assert 0 < int(last["X-RateLimit-Reset"]) - time.time() <= 3
        time.sleep(max(0, int(last["X-RateLimit-Reset"]) - time.time()))
        assert session.post(f"{braze.url}/users/track", json=body).status_code == 201


def test_one_connection_serves_many_requests(braze):
    connection = http.client.HTTPConnection("127.0.0.1", braze.port)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    sockets = set()
    for number in range(3):
        body = json.dumps({"attributes": [{"external_id": f"C{number}"}]})
        connection.request("POST", "/users/track", body, headers)
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (201, True)
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1
    assert None not in sockets


def test_users_outlive_the_server_when_a_file_is_named(tmp_path, session):
    path = tmp_path / "users.sqlite"
    for number in range(2):
        with BrazeSandbox(key=KEY, state_path=path) as braze:
            body = {"attributes": [{"external_id": f"C{number}", "name": "가"}]}
            session.post(f"{braze.url}/users/track", json=body)
            users = braze.users()
    assert users == {"C0": {"name": "가"}, "C1": {"name": "가"}}


def test_the_log_holds_no_personal_data(track, braze):
    track({"external_id": "C000123", "email": "someone@mail.example"})
    track({"external_id": ""})
    text = json.dumps(braze.log())
    assert len(braze.log()) == 2
    assert "C000123" not in text
    assert "example" not in text
    assert KEY not in text


def test_dropping_before_and_after_differ_in_what_is_stored(track, braze):
    braze.faults.add("drop_before")
    with pytest.raises(requests.ConnectionError):
        track({"external_id": "C1", "a": 1})
    assert braze.users() == {}
    braze.faults.add("drop_after")
    with pytest.raises(requests.ConnectionError):
        track({"external_id": "C1", "a": 1})
    assert braze.users() == {"C1": {"a": 1}}


def test_faults_can_be_set_and_state_seen_from_another_process(track, braze, session):
    control = f"{braze.url}/_sandbox"
    session.post(f"{control}/faults", json={"kind": "status", "status": 502, "times": 2})
    assert track({"external_id": "C1"}).status_code == 502
    assert session.get(f"{control}/faults").json()["faults"][0]["times"] == 1
    assert session.post(f"{control}/clear").json() == {"clear": []}
    assert track({"external_id": "C1", "a": 1}).status_code == 201
    assert session.get(f"{control}/users").json() == {"users": {"C1": {"a": 1}}}
    answer = session.post(f"{control}/faults", json={"kind": "explode"})
    assert answer.status_code == 400
    assert "known:" in answer.json()["message"]


def test_without_control_there_is_no_back_door(session):
    with BrazeSandbox(key=KEY) as braze:
        assert session.get(f"{braze.url}/_sandbox/users").status_code == 404
        assert session.post(f"{braze.url}/users/merge", json={}).status_code == 404


def test_users_are_deleted_for_good_and_unknown_ones_passed_over(braze, session, track):
    assert track({"external_id": "C1", "a": 1}, {"external_id": "C2"}).status_code == 201
    url = f"{braze.url}/users/delete"
    answer = session.post(url, json={"external_ids": ["C1", "nobody"]})
    assert (answer.status_code, answer.json()) == (200, {"deleted": 1, "message": "success"})
    assert set(braze.users()) == {"C2"}
    assert session.post(url, json={"external_ids": []}).status_code == 400
    assert session.post(url, json={"external_ids": ["C"] * 51}).status_code == 400
    assert session.post(url, json={"external_ids": [1]}).status_code == 400
    assert session.post(url, json={}).status_code == 400
    refused = session.post(url, json={"external_ids": ["C2"]}, headers={"Authorization": "x"})
    assert refused.status_code == 401
    assert set(braze.users()) == {"C2"}


def test_it_runs_alone_and_stops_when_told(tmp_path, session):
    command = [sys.executable, "-m", "madang.sandbox.braze", "--port", "0"]
    command += ["--state", str(tmp_path / "users.sqlite")]
    environment = {**os.environ, "MADANG_BRAZE_KEY": KEY}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        url = process.stdout.readline().split()[-1]
        body = {"attributes": [{"external_id": "C1", "a": 1}]}
        assert session.post(f"{url}/users/track", json=body).status_code == 201
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    with BrazeSandbox(state_path=tmp_path / "users.sqlite") as again:
        assert again.users() == {"C1": {"a": 1}}


def test_it_says_that_the_key_is_missing():
    environment = {name: value for name, value in os.environ.items() if name != "NO_SUCH_KEY"}
    command = [sys.executable, "-m", "madang.sandbox.braze", "--key-env", "NO_SUCH_KEY"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "NO_SUCH_KEY is not set" in done.stderr


EVENT = {"external_id": "C1", "name": "visited", "time": "2026-11-01T00:00:00+09:00"}
PURCHASE = {
    "external_id": "C1",
    "product_id": "order",
    "currency": "KRW",
    "price": 1000,
    "time": "2026-11-01T00:00:00Z",
}


def test_the_same_event_twice_is_two(track, braze):
    answer = track(events=[EVENT, EVENT], purchases=[PURCHASE, {**PURCHASE, "price": -1000}])
    assert answer.json() == {
        "message": "success",
        "events_processed": 2,
        "purchases_processed": 2,
    }
    assert [one["user"] for one in braze.events()] == ["C1", "C1"]
    assert [one["price"] for one in braze.purchases()] == [1000, -1000]


@pytest.mark.parametrize(
    ("array", "good", "bad", "said"),
    [
        ("events", EVENT, {"name": ""}, "'name' is not valid"),
        ("events", EVENT, {"time": "yesterday"}, "'time' is not valid"),
        ("events", EVENT, {"time": "2026-11-01T00:00:00"}, "'time' is not valid"),
        ("events", EVENT, {"properties": {"$x": 1}}, "'properties' is not valid"),
        ("events", EVENT, {"properties": {"x": "y" * 256}}, "'properties' is not valid"),
        ("events", EVENT, {"properties": {"x": ["y"] * 20_000}}, "too large"),
        ("events", EVENT, {"product_id": "x"}, "Unknown field"),
        ("purchases", PURCHASE, {"currency": "won"}, "'currency' is not valid"),
        ("purchases", PURCHASE, {"price": "1"}, "'price' is not valid"),
        ("purchases", PURCHASE, {"price": True}, "'price' is not valid"),
        ("purchases", PURCHASE, {"quantity": 101}, "'quantity' is not valid"),
        ("purchases", PURCHASE, {"product_id": None}, "'product_id' is not valid"),
    ],
)
def test_a_bad_event_is_named_by_its_array_and_the_others_are_kept(
    track, braze, array, good, bad, said
):
    answer = track(**{array: [good, {**good, **bad}]})
    assert answer.status_code == 201
    (error,) = answer.json()["errors"]
    assert (error["input_array"], error["index"]) == (array, 1)
    assert said in error["type"]
    assert len(braze.events()) + len(braze.purchases()) == 1


def test_users_are_found_by_every_id_and_made_only_where_that_is_said(track, braze):
    alias = {"alias_name": "x", "alias_label": "crm"}
    braze.store.create(["C1"], email="a@maru.example", braze_id="b1", aliases=[alias])
    for one in (
        {"external_id": "C1"},
        {"user_alias": alias},
        {"braze_id": "b1"},
        {"email": "a@maru.example"},
    ):
        assert track({**one, f"by_{next(iter(one))}": True}).status_code == 201
    told = {"by_external_id", "by_user_alias", "by_braze_id", "by_email"}
    assert set(braze.users()["C1"]) == told
    other = {**alias, "alias_name": "y"}
    track({"user_alias": other, "a": 1})  # of an alias nobody is made unless it is said
    track({"braze_id": "b2", "a": 1})
    track({"email": "b@maru.example", "_update_existing_only": True, "a": 1})
    assert set(braze.users()) == {"C1"}
    track({"user_alias": other, "_update_existing_only": False, "a": 1})
    assert braze.users()["user_alias:crm:y"] == {"a": 1}


def test_users_are_deleted_by_each_kind_of_id_one_kind_a_request(braze, session):
    alias = {"alias_name": "x", "alias_label": "crm"}
    braze.store.create(["C1"], email="a@maru.example")
    braze.store.create(["C2"], aliases=[alias])
    url = f"{braze.url}/users/delete"
    assert session.post(url, json={"email_addresses": ["a@maru.example"]}).status_code == 400
    one = {"email": "a@maru.example", "prioritization": ["most_recently_updated"]}
    assert session.post(url, json={"email_addresses": [one]}).json()["deleted"] == 1
    assert session.post(url, json={"user_aliases": [alias]}).json()["deleted"] == 1
    both = {"external_ids": ["C1"], "braze_ids": ["b"]}
    assert session.post(url, json=both).status_code == 400
    assert session.post(url, json={"user_aliases": ["x"]}).status_code == 400


def test_subscription_groups_are_set_by_one_kind_of_address(session):
    with BrazeSandbox(key=KEY, groups=frozenset({"g1"})) as braze:
        braze.store.create(["C1"], email="a@maru.example")
        braze.store.create(["C2"], email="a@maru.example", phone="+821012345678")
        url = f"{braze.url}/v2/subscription/status/set"

        def post(**own):
            one = {"subscription_group_id": "g1", "subscription_state": "subscribed", **own}
            return session.post(url, json={"subscription_groups": [one]})

        assert post(external_ids=["C1", "nobody"]).status_code == 201
        assert braze.groups.states() == {"g1": {"C1": "subscribed"}}
        assert post(emails=["a@maru.example"], subscription_state="unsubscribed").ok
        assert braze.groups.states() == {"g1": {"C1": "unsubscribed", "C2": "unsubscribed"}}
        assert post(phones=["+821012345678"]).json() == {"message": "success"}
        for bad in (
            {"emails": ["a@maru.example"], "phones": ["+821012345678"]},
            {"phones": ["01012345678"]},
            {"external_ids": ["C1"] * 51},
            {"external_ids": []},
            {"external_ids": ["C1"], "subscription_state": "unknown"},
            {"external_ids": ["C1"], "subscription_group_id": "g2"},
            {"braze_ids": ["b"]},
        ):
            assert post(**bad).status_code == 400, bad


def test_campaigns_are_triggered_for_at_most_fifty_who_are_there(braze, session):
    braze.store.create(["C1", "C2"])
    url = f"{braze.url}/campaigns/trigger"
    one = {"external_user_id": "C1", "trigger_properties": {"x": "1"}}
    sent = {"campaign_id": "c", "recipients": [one, {"external_user_id": "nobody"}]}
    assert session.post(f"{url}/send", json=sent).json() == {
        "dispatch_id": "dispatch-1",
        "message": "success",
    }
    assert [message["user"] for message in braze.campaigns.sent()] == ["C1"]
    for bad in (
        {"recipients": [one]},
        {"campaign_id": "c"},
        {"campaign_id": "c", "broadcast": True, "recipients": [one]},
        {"campaign_id": "c", "recipients": [one] * 51},
        {"campaign_id": "c", "recipients": [{"email": "a@maru.example"}]},
        {"campaign_id": "c", "recipients": [{**one, "email": "a@maru.example"}]},
        {"campaign_id": "c", "recipients": [{"phone": "+8210"}]},
        {**sent, "schedule": {"time": "2026-11-01T00:00:00Z"}},
    ):
        assert session.post(f"{url}/send", json=bad).status_code == 400, bad
    canvas = {"canvas_id": "c", "recipients": [{"external_user_id": "C2", "context": {"x": "1"}}]}
    entered = session.post(f"{braze.url}/canvas/trigger/send", json=canvas)
    assert entered.json() == {"dispatch_id": "dispatch-2", "message": "success"}
    for bad in ({**canvas, "campaign_id": "c"}, {**canvas, "recipients": [one]}):
        assert session.post(f"{braze.url}/canvas/trigger/send", json=bad).status_code == 400, bad
    for time_ in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "tomorrow", None):
        body = {**sent, "schedule": {"time": time_}}
        assert session.post(f"{url}/schedule/create", json=body).status_code == 400
    assert [message["user"] for message in braze.campaigns.sent()] == ["C1", "C2"]


@pytest.mark.parametrize(
    ("items", "status", "error"),
    [
        ([{"id": "p1", "price": 5}], 202, None),
        ([{"id": "p1", "price": "5"}], 400, "unable-to-coerce-value"),
        ([{"id": "p1", "colour": "red"}], 400, "invalid-fields"),
        ([{"id": "p 1"}], 400, "invalid-ids"),
        ([{"id": "p" * 251}], 400, "ids-too-large"),
        ([{"id": 1}], 400, "ids-not-strings"),
        ([{"price": 5}], 400, "items-missing-ids"),
        ([{"id": "p1"}, {"id": "p1"}], 400, "ids-not-unique"),
        ([{"id": "p1", "name": "x" * 5001}], 400, "items-too-large"),
        ([{"id": f"p{number}"} for number in range(51)], 400, "request-includes-too-many-items"),
    ],
)
def test_items_of_a_catalog_are_taken_by_its_fields_or_refused_whole(
    braze, session, items, status, error
):
    braze.catalogs.create("products", {"name": "string", "price": "number"})
    answer = session.put(f"{braze.url}/catalogs/products/items", json={"items": items})
    told = answer.json()
    assert answer.status_code == status
    assert [one["id"] for one in told.get("errors", [])] == ([error] if error else [])
    assert bool(braze.catalogs.items()["products"]) == (status == 202)


def test_items_of_a_catalog_that_is_not_there_are_404(braze, session):
    answer = session.delete(f"{braze.url}/catalogs/none/items", json={"items": [{"id": "p1"}]})
    assert (answer.status_code, answer.json()["errors"][0]["id"]) == (404, "catalog-not-found")


def test_the_list_of_catalogs_has_a_window_of_its_own(braze, session):
    braze.listings.limit = 1
    answers = [session.get(f"{braze.url}/catalogs") for _ in range(3)]
    assert 429 in {answer.status_code for answer in answers}
