"""The local Marketing Cloud keeps to the contract. Pages: see `madang.sandbox.sfmc`."""

import pytest
import requests

from madang.sandbox.sfmc import MOST_MEMBERS, MOST_ROWS, SfmcSandbox
from madang.sync.destinations.sfmc.answers import deletion
from madang.sync.destinations.sfmc.columns import Column

FORM = {
    "grant_type": "client_credentials",
    "client_id": "client",
    "client_secret": "secret",
    "account_id": "510000001",
}
ROWS = "/data/v1/async/dataextensions/key:a/rows"
EVENTS = "/interaction/v1/async/events"


@pytest.fixture
def cloud():
    with SfmcSandbox() as sandbox:
        sandbox.has("a", Tier=Column(**{"from": "tier", "length": 3}))
        yield sandbox


@pytest.fixture
def asked(cloud):
    """Ask with a token; return (status, body)."""
    with requests.Session() as session:
        session.trust_env = False
        token = session.post(f"{cloud.url}/v2/token", data=FORM).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"

        def ask(method: str, path: str, body: object = None):
            answer = session.request(method, cloud.url + path, json=body)
            return answer.status_code, answer.json()

        ask.session, ask.token = session, token
        yield ask


@pytest.mark.parametrize("name", FORM)
def test_a_token_is_given_for_the_right_form_alone_and_lasts_under_twenty_minutes(cloud, name):
    """[token]"""
    good = requests.post(f"{cloud.url}/v2/token", data=FORM, timeout=5)
    assert good.json()["expires_in"] == 1079
    wrong = requests.post(f"{cloud.url}/v2/token", data=FORM | {name: "x"}, timeout=5)
    assert wrong.status_code == 401


def test_without_a_token_nothing_is_taken(cloud):
    answer = requests.put(cloud.url + ROWS, json={"items": [{"SubscriberKey": "1"}]}, timeout=5)
    assert (answer.status_code, cloud.extensions["a"].rows) == (401, {})


def test_rows_are_upserted_by_the_primary_key_and_told_in_order(cloud, asked):
    """[rows] [status] [results]"""
    rows = [{"SubscriberKey": "1", "Tier": "VIP"}, {"SubscriberKey": "2", "Tier": "Gold"}]
    status, told = asked("PUT", ROWS, {"items": [*rows, {"SubscriberKey": "1", "Color": "red"}]})
    assert status == 202
    path = f"/data/v1/async/{told['requestId']}"
    _, before = asked("GET", f"{path}/status")
    assert "status" not in before, "before pick-up there is no status"
    assert asked("GET", f"{path}/status")[1]["status"]["requestStatus"] == "Executing"
    done = asked("GET", f"{path}/status")[1]["status"]
    assert (done["requestStatus"], done["resultStatus"]) == ("Complete", "Has Errors")
    _, found = asked("GET", f"{path}/results?$page=1&$pageSize=2")
    assert [one["status"] for one in found["items"]] == ["OK", "Error"]
    assert (found["count"], cloud.extensions["a"].rows) == (3, {"1": rows[0]})
    assert asked("GET", "/data/v1/async/unknown-id/status")[1].keys() == before.keys()
    assert cloud.repeats.known == 0
    asked("PUT", ROWS, {"items": [rows[0], {"SubscriberKey": "1", "Tier": "Gold"}]})
    assert cloud.repeats.known == 1, "the row that is so already"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"items": []}, 400),
        ({"items": [{"SubscriberKey": "1"}], "more": 1}, 400),
        ([{"SubscriberKey": "1"}], 400),
        ({"items": [{}] * (MOST_ROWS + 1)}, 400),
        ({"items": [{"SubscriberKey": "1", "Tier": "x" * 5_000_000}]}, 413),
    ],
)
def test_requests_with_rows_that_are_refused_whole(cloud, asked, body, status):
    """[rows] [limits]"""
    assert asked("PUT", ROWS, body)[0] == status
    assert cloud.extensions["a"].rows == {}


def test_a_data_extension_needs_a_primary_key(cloud, asked):
    """[rows]"""
    cloud.has("b", None)
    body = {"items": [{"SubscriberKey": "1"}]}
    status, told = asked("PUT", ROWS.replace("key:a", "key:b"), body)
    assert (status, "primary key" in told["resultMessages"][0]["message"]) == (400, True)
    assert asked("PUT", ROWS.replace("key:a", "key:c"), body)[0] == 400


def test_a_row_is_deleted_by_its_primary_key(cloud, asked):
    """[delete]"""
    asked("PUT", ROWS, {"items": [{"SubscriberKey": "1"}, {"SubscriberKey": "<2>"}]})
    body = deletion(cloud.url, "a", "SubscriberKey", ["<2>", "3"])
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": "Delete"}
    refused = requests.post(f"{cloud.url}/Service.asmx", body, headers=headers, timeout=5)
    assert refused.status_code == 401
    body = body.replace(b"{madang-token}", asked.token.encode())
    told = requests.post(f"{cloud.url}/Service.asmx", body, headers=headers, timeout=5).text
    assert told.count("<StatusCode>OK<") == told.count("<StatusCode>Error<") == 1
    assert set(cloud.extensions["a"].rows) == {"1"}


def test_members_of_a_batch_of_entries_are_told_in_order(cloud, asked):
    """[entry] [entries]"""
    cloud.inactive = {"2"}
    members = [{"contactKey": key, "data": {"a": "b"}} for key in ("1", "2", "3")]
    body = {"eventDefinitionKey": "E", "members": members}
    status, told = asked("POST", EVENTS, body)
    assert (status, told["count"], told["notQueuedCount"]) == (202, 3, 1)
    assert [one["contactKey"] for one in told["members"]] == ["1", "2", "3"]
    assert ["errorcode" in one for one in told["members"]] == [False, True, False]
    assert cloud.entries == {"E": ["1", "3"]}
    path = f"{EVENTS}/status?requestId={told['requestId']}&type="
    assert asked("GET", f"{path}queued")[1]["count"] == 2
    assert asked("GET", f"{path}queued")[1]["count"] == 0
    assert asked("GET", f"{path}processed")[1]["count"] == 2
    assert asked("GET", f"{EVENTS}/status")[0] == 400
    too_many = body | {"members": members[:1] * (MOST_MEMBERS + 1)}
    assert asked("POST", EVENTS, too_many)[0] == 400
    cloud.events = {"F"}
    assert asked("POST", EVENTS, body)[0] == 400
    assert cloud.entries == {"E": ["1", "3"]}


def test_deleted_contacts_leave_sendable_data_extensions(cloud, asked):
    """[contacts]"""
    asked("PUT", ROWS, {"items": [{"SubscriberKey": "1"}, {"SubscriberKey": "2"}]})
    path = "/contacts/v1/contacts/actions/delete?type=keys"
    body = {"values": ["1", "unknown"], "deleteOperationType": "ContactAndAttributes"}
    status, told = asked("POST", path, body)
    assert (status, told["operationInitiated"]) == (200, True)
    assert set(cloud.extensions["a"].rows) == {"2"}
    assert asked("POST", path, {"values": ["2"]})[0] == 400


def test_a_rate_limit_says_for_how_long_or_does_not(cloud, asked):
    """[limits]"""
    cloud.faults.add("rate_limit", seconds=5)
    answer = asked.session.put(cloud.url + ROWS, json={"items": [{"SubscriberKey": "1"}]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert answer.json()["errorcode"] == 50100
    cloud.faults.add("blocked")
    answer = asked.session.put(cloud.url + ROWS, json={"items": [{"SubscriberKey": "1"}]})
    assert (answer.status_code, answer.json()["errorcode"]) == (429, 50200)
    assert "Retry-After" not in answer.headers
