"""The local Data Manager API keeps to Google's contract; what we send fits the discovery document.

Pages: see `madang.sandbox.google`. The schema is made from Google's discovery document, revision
20261106 (Apache-2.0), with no other names allowed.
"""

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
import requests

from madang.http.auth import RefreshToken, Token
from madang.http.client import Client
from madang.sandbox.google import MOST_MEMBERS, GoogleSandbox
from madang.sync import DestinationDown, DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import Change, SyncObject
from madang.sync.destinations.google import Google, GoogleSettings

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


def opened(google, **settings) -> Google:
    made = GoogleSettings(account_id=ACCOUNT, terms_accepted=True, url=google.url, **settings)
    grant = RefreshToken("id", "secret", google.refresh_token)
    client = Client(
        google.url,
        auth=Token(f"{google.url}/token", grant, fix="Look."),
        timeout=5,
        name="Google",
        check="Look.",
        down=DestinationDown,
        refuses=DestinationRefused,
        lost=DestinationUnclear,
    )
    return Google(client, made, 540)


@pytest.mark.parametrize("login", [None, "0987654321"])
def test_what_we_send_fits_the_discovery_document_and_passes_here(google, login, monkeypatch):
    definitions = json.loads(SCHEMA.read_text())
    there, sent = opened(google, login_account_id=login), []
    send = there._client.send

    def noted(method: str, url: str, **options):
        if method == "POST" and not url.endswith("/token"):
            sent.append((url, options.get("json") or json.loads(options["data"])))
        return send(method, url, **options)

    monkeypatch.setattr(there._client, "send", noted)
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
