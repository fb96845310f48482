"""The local Data Manager API keeps to Google's contract; what we send fits the discovery document.

Pages: see `madang.sandbox.google`. The schema is made from Google's discovery document, revision
20261106 (Apache-2.0), with no other names allowed.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
import requests

from conversion_rows import row
from madang.http.auth import RefreshToken, Token
from madang.http.client import Client
from madang.sandbox.google import MOST_MEMBERS, GoogleSandbox
from madang.sandbox.google_events import MOST_EVENTS
from madang.sync import DestinationDown, DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import Change, SyncObject
from madang.sync.destinations.google.conversions import (
    ConversionAction,
    ConversionOptions,
    GoogleConversions,
)
from madang.sync.destinations.google.destination import Google, GoogleSettings

SCHEMA = Path(__file__).parent / "schemas/google_datamanager_v1.schema.json"
ACCOUNT = "1234567890"


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def google():
    with GoogleSandbox(ACCOUNT) as sandbox:
        yield sandbox


@pytest.fixture
def asked(google):
    """Ask with a token; return (status, body)."""
    google.tokens.add("t")
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = "Bearer t"

        def ask(path: str, body: object = None, method: str = "POST"):
            answer = session.request(method, google.url + path, json=body)
            return answer.status_code, answer.json()

        yield ask


@pytest.fixture
def request_body(asked):
    """A whole request for a list that there is."""
    _, made = asked(f"/v1/accountTypes/GOOGLE_ADS/accounts/{ACCOUNT}/userLists", USER_LIST)
    account = {"accountType": "GOOGLE_ADS", "accountId": ACCOUNT}
    return {
        "destinations": [{"operatingAccount": account, "productDestinationId": made["id"]}],
        "audienceMembers": [member(hashed("a"))],
        "encoding": "HEX",
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
    }


USER_LIST = {
    "displayName": "buyers",
    "integrationCode": "buyers",
    "membershipDuration": "46656000s",
    "ingestedUserListInfo": {"uploadKeyTypes": ["CONTACT_ID"]},
}


def member(value: str) -> dict:
    return {"compositeData": {"userData": {"userIdentifiers": [{"emailAddress": value}]}}}


def test_members_are_added_and_removed_and_the_request_can_be_asked_after(
    google, asked, request_body
):
    status, told = asked("/v1/audienceMembers:ingest", request_body)
    assert (status, google.on("buyers")) == (200, {f"email:{hashed('a')}"})
    path = f"/v1/requestStatus:retrieve?requestId={told['requestId']}"
    states = [asked(path, method="GET")[1]["requestStatusPerDestination"] for _ in range(2)]
    assert [one[0]["requestStatus"] for one in states] == ["PROCESSING", "SUCCESS"]
    without = ("consent", "termsOfService")
    removal = {key: value for key, value in request_body.items() if key not in without}
    assert asked("/v1/audienceMembers:remove", removal)[0] == 200
    assert google.on("buyers") == set()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"audienceMembers": []}, "audience_members"),
        ({"audienceMembers": [member("0" * 64)] * (MOST_MEMBERS + 1)}, "audience_members"),
        ({"encoding": None}, "encoding"),
        ({"consent": {"adUserData": "GRANTED", "adPersonalization": "GRANTED"}}, "consent"),
        ({"termsOfService": {}}, "terms_of_service"),
        ({"audience_members": []}, "request"),
        ({"audienceMembers": [member("0" * 64), member("x@y.example")]}, "audience_members[1]"),
        ({"audienceMembers": [member("A" * 64)]}, "audience_members[0]"),
        ({"audienceMembers": [{"userId": "1"}]}, "audience_members[0]"),
        ({"destinations": []}, "destinations"),
    ],
)
def test_a_request_that_google_would_refuse_is_refused_whole(
    google, asked, request_body, change, field
):
    body = {key: value for key, value in {**request_body, **change}.items() if value is not None}
    status, told = asked("/v1/audienceMembers:ingest", body)
    assert (status, told["error"]["status"]) == (400, "INVALID_ARGUMENT")
    violation = told["error"]["details"][0]["fieldViolations"][0]
    assert violation["field"].startswith(field)
    assert google.on("buyers") == set()


@pytest.mark.parametrize(
    "change",
    [{"membershipDuration": "100s"}, {"ingestedUserListInfo": {}}, {"displayName": ""}],
)
def test_a_list_that_google_would_refuse_is_refused(google, asked, change):
    body = {**USER_LIST, **change}
    path = f"/v1/accountTypes/GOOGLE_ADS/accounts/{ACCOUNT}/userLists"
    assert asked(path, body)[0] == 400
    assert google.lists == {}


def settings_for(google, **settings) -> GoogleSettings:
    return GoogleSettings(account_id=ACCOUNT, terms_accepted=True, url=google.url, **settings)


def opened(google, **settings) -> Google:
    return Google(client_of(google), settings_for(google, **settings), 540)


def client_of(google) -> Client:
    grant = RefreshToken("id", "secret", google.refresh_token)
    return Client(
        google.url,
        auth=Token(f"{google.url}/token", grant, fix="Look."),
        timeout=5,
        name="Google",
        check="Look.",
        down=DestinationDown,
        refuses=DestinationRefused,
        lost=DestinationUnclear,
    )


def noting(there, monkeypatch) -> list[tuple[str, dict]]:
    """Note what a destination posts beside its login: address and body."""
    sent, send = [], there._client.send

    def noted(method: str, url: str, **options):
        if method == "POST" and not url.endswith("/token"):
            sent.append((url, options.get("json") or json.loads(options["data"])))
        return send(method, url, **options)

    monkeypatch.setattr(there._client, "send", noted)
    return sent


@pytest.mark.parametrize("login", [None, "0987654321"])
def test_what_we_send_fits_the_discovery_document_and_passes_here(google, login, monkeypatch):
    definitions = json.loads(SCHEMA.read_text())
    there = opened(google, login_account_id=login)
    sent = noting(there, monkeypatch)
    adds = [SyncObject(1, f"email:{hashed('a')}", (Change("buyers", "true"),))]
    adds += [SyncObject(2, f"phone:{hashed('b')}", (Change("buyers", "true"),))]
    removes = [SyncObject(3, f"email:{hashed('a')}", (Change("buyers", None),))]
    for batch in there.batches([*adds, *removes]):
        assert {one.status for one in there.send(batch).outcomes.values()} == {"accepted"}
    kinds = ("UserList", "IngestAudienceMembersRequest", "RemoveAudienceMembersRequest")
    assert [path.rpartition("/")[2] for path, _ in sent] == [
        "userLists",
        "audienceMembers:ingest",
        "audienceMembers:remove",
    ]
    for kind, (_, body) in zip(kinds, sent, strict=True):
        schema = {**definitions, "$ref": f"#/$defs/{kind}"}
        jsonschema.validate(body, schema)
    assert google.on("buyers") == {f"phone:{hashed('b')}"}


@pytest.fixture
def events_body():
    account = {"accountType": "GOOGLE_ADS", "accountId": ACCOUNT}
    return {
        "destinations": [{"operatingAccount": account, "productDestinationId": "71"}],
        "events": [event()],
        "encoding": "HEX",
    }


def event(**change) -> dict:
    moment = datetime.now(UTC) - timedelta(days=1)
    good = {
        "transactionId": "c1",
        "eventTimestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "conversionValue": 1.5,
        "currency": "KRW",
        "eventSource": "WEB",
        "adIdentifiers": {"gclid": "x"},
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"},
    }
    return {key: value for key, value in {**good, **change}.items() if value is not None}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"events": []}, "events"),
        ({"events": [event()] * (MOST_EVENTS + 1)}, "events"),
        ({"encoding": None}, "encoding"),
        ({"termsOfService": {}}, "request"),
        ({"events": [event(), event(transactionId=None)]}, "events[1].transaction_id"),
        ({"events": [event(eventTimestamp="2026-10-01")]}, "events[0].event_timestamp"),
        ({"events": [event(currency=None)]}, "events[0].currency"),
        ({"events": [event(conversionValue="1.5")]}, "events[0].conversion_value"),
        ({"events": [event(eventSource=None)]}, "events[0].event_source"),
        ({"events": [event(adIdentifiers={"fbclid": "x"})]}, "events[0].ad_identifiers"),
        ({"events": [event(adIdentifiers=None)]}, "events[0].ad_identifiers"),
        ({"events": [event(consent={"adUserData": "GRANTED"})]}, "events[0].consent"),
        (
            {"events": [event(userData={"userIdentifiers": [{"emailAddress": "a@b.example"}]})]},
            "ev",
        ),
        ({"events": [event(order_id="1")]}, "events[0]"),
    ],
)
def test_events_that_google_would_refuse_are_refused_whole(
    google, asked, events_body, change, field
):
    google.actions = {"71"}
    body = {key: value for key, value in {**events_body, **change}.items() if value is not None}
    status, told = asked("/v1/events:ingest", body)
    assert (status, told["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert told["error"]["details"][0]["fieldViolations"][0]["field"].startswith(field)
    assert google.events == {}


def test_events_are_taken_first_and_judged_later(google, asked, events_body):
    old = f"{datetime.now(UTC) - timedelta(days=91):%Y-%m-%dT%H:%M:%SZ}"
    denied = {"adUserData": "CONSENT_DENIED", "adPersonalization": "CONSENT_GRANTED"}
    events = [event(), event(transactionId="c2", eventTimestamp=old)]
    events += [event(transactionId="c3", consent=denied)]
    status, told = asked("/v1/events:ingest", {**events_body, "events": events})
    path = f"/v1/requestStatus:retrieve?requestId={told['requestId']}"
    states = [asked(path, method="GET")[1]["requestStatusPerDestination"][0] for _ in range(2)]
    assert (status, states[0]["requestStatus"]) == (200, "PROCESSING")
    assert states[1]["requestStatus"] == "PARTIAL_SUCCESS"
    counts = states[1]["errorInfo"]["errorCounts"]
    assert [(one["reason"][24:], one["recordIndices"]) for one in counts] == [
        ("DENIED_CONSENT", [2]),
        ("EVENT_TOO_OLD", [1]),
    ]
    assert set(google.events["71"]) == {"c1"}
    schema = json.loads(SCHEMA.read_text())
    whole = {"requestStatusPerDestination": [states[1]]}
    jsonschema.validate(whole, {**schema, "$ref": "#/$defs/RetrieveRequestStatusResponse"})


def test_conversions_that_we_send_fit_the_discovery_document_and_pass_here(google, monkeypatch):
    definitions = json.loads(SCHEMA.read_text())
    options = ConversionOptions(conversions={"test_drive": ConversionAction(action_id="71")})
    settings = settings_for(google, login_account_id="0987654321")
    there = GoogleConversions(client_of(google), settings, options, datetime.now(UTC))
    sent = noting(there, monkeypatch)
    rows = [row(1), row(2, click_id=None, click_id_name=None), row(3, match_keys=None)]
    rows += [row(4, click_id_name="gbraid"), row(5, value=None)]
    objects = [
        SyncObject(number, key, (Change(field, value),))
        for number, (key, field, value) in enumerate(rows)
    ]
    for batch in there.batches(objects):
        assert {one.status for one in there.send(batch).outcomes.values()} == {"accepted"}
    ((_, body),) = sent
    jsonschema.validate(body, {**definitions, "$ref": "#/$defs/IngestEventsRequest"})
    assert len(google.events["71"]) == 5
