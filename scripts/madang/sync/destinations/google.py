"""Google: members of Customer Match lists, through the Data Manager API; conversions beside them.

The contract, with the vendor's pages:
- https://developers.google.com/data-manager/api/devguides/audiences/google-ads/customer-match/upload-data
  (ingest and remove, composite data, consent, terms)
- https://developers.google.com/data-manager/api/devguides/limits (10,000 members a request)
- https://developers.google.com/data-manager/api/devguides/concepts/understand-errors (one bad
  member and nothing of the request is processed; the answer names the field)
- https://developers.google.com/data-manager/api/reference/rest/v1/accountTypes.accounts.userLists
- how its answers are read: `google_answers`; how a batch is sent: `google_sending`
- conversions: `google_conversions`

Adding a member twice and removing one who is not there change nothing, so both may be repeated.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.errors import ConfigError
from madang.specs.strict import EnvironmentName, HttpAddress, matching
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import (
    Batch,
    Destination,
    DestinationSettings,
    Entry,
    Later,
    NoOptions,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import batched, request_of
from madang.sync.destinations.google_answers import judge, not_understood, told_state
from madang.sync.destinations.google_conversions import (
    EVENTS_LIMIT,
    ConversionOptions,
    GoogleConversions,
)
from madang.sync.destinations.google_sending import Sending, envelope
from madang.sync.destinations.members import hash_of, list_problem
from madang.sync.destinations.rows import compact

if TYPE_CHECKING:
    from madang.http.auth import Auth
    from madang.http.client import Client, Reply

SCOPE = "https://www.googleapis.com/auth/datamanager"
JWT_SECONDS = 3600  # Google takes at most an hour
MEMBERS_LIMIT = 10_000  # a request
TRIES = 3  # to make a list
DAY = 86_400  # membershipDuration must be an exact multiple of it
LONGEST_DAYS = 540  # 46656000s
IDENTIFIERS = {"email": "emailAddress", "phone": "phoneNumber"}
#: A member, with %s in the place of a hash, by the kind of it; nothing of a hash needs an escape.
MEMBERS = {
    kind: compact({"compositeData": {"userData": {"userIdentifiers": [{name: "%s"}]}}})
    for kind, name in IDENTIFIERS.items()
}
NOBODY = compact({"compositeData": {"userData": {"userIdentifiers": []}}})
Account = Annotated[str, matching(r"\d{10}", "ten digits without dashes, in quotes")]


class GoogleSettings(DestinationSettings):
    """One Google Ads account. Secrets are in the environment variables that are named here.

    `login_account_id` is the manager account by which it is reached. `terms_accepted` says that
    somebody accepted the Customer Match terms in Google Ads.
    """

    account_id: Account
    login_account_id: Account | None = None
    terms_accepted: bool = False
    auth: Literal["service_account", "refresh_token"] = "service_account"
    key_file_env: EnvironmentName = "MADANG_GOOGLE_KEY_FILE"
    client_id_env: EnvironmentName = "MADANG_GOOGLE_CLIENT_ID"
    client_secret_env: EnvironmentName = "MADANG_GOOGLE_CLIENT_SECRET"
    refresh_token_env: EnvironmentName = "MADANG_GOOGLE_REFRESH_TOKEN"
    url: HttpAddress = "https://datamanager.googleapis.com"
    token_url: HttpAddress = "https://oauth2.googleapis.com/token"
    members_per_request: Annotated[int, Field(ge=1, le=MEMBERS_LIMIT)] = MEMBERS_LIMIT
    events_per_request: Annotated[int, Field(ge=1, le=EVENTS_LIMIT)] = EVENTS_LIMIT
    timeout_seconds: Annotated[float, Field(gt=0)] = 120


class ListOptions(NoOptions):
    """`membership_days`: after how many days Google forgets a member who was not added again."""

    membership_days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = LONGEST_DAYS


class Google:
    """Members of lists by the SHA-256 of an address; a list is found by its integration code."""

    @classmethod
    def open(cls, opening: Opening) -> Destination:
        """Raises ConfigError where a secret is missing or the terms were not accepted."""
        settings: GoogleSettings = opening.settings
        if opening.sends == "user_lists" and not settings.terms_accepted:
            raise ConfigError(
                "Nobody said that the Customer Match terms are accepted; Google takes no members "
                "without.",
                where=f"{opening.where}.terms_accepted",
                fix="Accept them in Google Ads, then write terms_accepted: true.",
            )
        check = "Check status.cloud.google.com."
        client = opening.client("Google", _auth(opening), check)
        if opening.sends == "conversions":
            return GoogleConversions(client, settings, opening.options, opening.now())
        days = opening.options.membership_days if opening.options else LONGEST_DAYS
        return cls(client, settings, days)

    def __init__(self, client: "Client", settings: GoogleSettings, membership_days: int) -> None:
        self._client = client
        self._settings = settings
        self._membership_days = membership_days
        self._lists: dict[str, str] = {}
        self._sending = Sending(client, "members")
        self.objects_per_request = settings.members_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group members, in order, by list and by what is to be done with them."""
        return batched(objects, self.objects_per_request, member)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch, without those that Google names as wrong, in halves where it names none."""
        name, is_removal = request_of(batch.objects[0])
        path = "/v1/audienceMembers:remove" if is_removal else "/v1/audienceMembers:ingest"
        body = self._envelope(self._list(name), is_removal)
        return self._sending.send(path, body, batch, dict(enumerate(batch.encoded)), Receipt())

    def poll(self, remote_reference: str) -> Later | None:
        """Return what became of a request; None while Google is at work.

        https://developers.google.com/data-manager/api/reference/rest/v1/requestStatus/retrieve
        """
        params = {"requestId": remote_reference}
        return told_state(self._client.request("GET", "/v1/requestStatus:retrieve", params=params))

    def close(self) -> None:
        self._client.close()

    def _envelope(self, list_id: str, is_removal: bool) -> bytes:
        """Return a request's body, with %s in the place of its members."""
        body = envelope(self._settings, list_id)
        if not is_removal:  # only who allowed both is sent: the purpose advertising
            granted = "CONSENT_GRANTED"
            body["consent"] = {"adUserData": granted, "adPersonalization": granted}
            body["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
        return json.dumps(body)[:-1].encode() + b', "audienceMembers": [%s]}'

    def _list(self, name: str) -> str:
        """Return the id of the list of an audience; make the list where there is none."""
        if name not in self._lists:
            self._lists[name] = self._found(name) or self._made_once(name)
        return self._lists[name]

    def _made_once(self, name: str) -> str:
        """Make a list; where the answer is lost, see whether it is there before making another."""
        for _ in range(TRIES):
            try:
                return self._made(name)
            except DestinationUnclear as lost:
                found, unclear = self._found(name), lost
            if found:
                return found
        raise unclear

    def _found(self, name: str) -> str | None:
        reply = self._client.request(
            "GET", self._lists_path, params={"filter": f'integration_code = "{name}"'}
        )
        found = _understood(reply).get("userLists", [])
        if not isinstance(found, list):
            raise not_understood(reply)
        listed = [one for one in found if isinstance(one, dict)]
        ours = [one for one in listed if one.get("integrationCode") == name]
        if len(ours) > 1:
            raise DestinationRefused(
                f"Google has {len(ours)} lists with the integration code '{name}'.",
                where=f"account {self._settings.account_id}",
                fix="Give all but one of them another code in Google Ads.",
            )
        return _id_of(ours[0], reply) if ours else None

    def _made(self, name: str) -> str:
        wanted = {
            "displayName": f"madang_{name}",
            "integrationCode": name,
            "membershipStatus": "OPEN",
            "membershipDuration": f"{self._membership_days * DAY}s",
            "ingestedUserListInfo": {
                "uploadKeyTypes": ["CONTACT_ID"],
                "contactIdInfo": {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"},
            },
        }
        reply = self._client.request("POST", self._lists_path, once=True, json=wanted)
        return _id_of(_understood(reply), reply)

    @property
    def _lists_path(self) -> str:
        return f"/v1/accountTypes/GOOGLE_ADS/accounts/{self._settings.account_id}/userLists"


def member(one: SyncObject) -> bytes:
    """Return a member as it stands in a request; without an identifier where the key is none."""
    kind, value = hash_of(one.key)
    return (MEMBERS[kind] % value if kind in MEMBERS else NOBODY).encode()


def _understood(reply: "Reply") -> dict[str, Any]:
    judge(reply, 0, str)  # raises for what refuses all
    if not reply.is_good or reply.body is None:
        raise not_understood(reply)
    return reply.body


def _id_of(found: dict[str, Any], reply: "Reply") -> str:
    told = str(found.get("id") or str(found.get("name", "")).rpartition("/")[2])
    if not told.isdecimal():
        raise not_understood(reply)
    return told


def _auth(opening: Opening) -> "Auth":
    from madang.http.auth import RefreshToken, SignedJwt, Token

    settings: GoogleSettings = opening.settings
    fix = f"Check the secrets of {opening.where} and that they may use the Data Manager API."
    if settings.auth == "refresh_token":
        names = ("client_id_env", "client_secret_env", "refresh_token_env")
        given = (opening.secret(name, f"the {name[:-4].replace('_', ' ')}") for name in names)
        return Token(settings.token_url, RefreshToken(*given), fix=fix)
    where = f"the file named by {settings.key_file_env}"
    path = opening.secret("key_file_env", "the path of a service account's key (JSON)")
    try:
        key = json.loads(Path(path).read_text(encoding="utf-8"))
        claims = {"iss": key["client_email"], "scope": SCOPE, "aud": settings.token_url}
        private, key_id = key["private_key"], key.get("private_key_id")
    except OSError as error:
        raise ConfigError(
            f"The key of the service account cannot be read: {error.strerror}.",
            where=where,
            fix="Correct the path, or the file's permissions.",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "This is no key of a service account.",
            where=where,
            fix="Download it anew in Google Cloud, IAM, service accounts, as JSON.",
        ) from error
    grant = SignedJwt(claims, private, JWT_SECONDS, where, key_id)
    grant.form()  # a key that cannot sign is told before anything is asked
    return Token(settings.token_url, grant, fix=fix)


ENTRY = Entry(
    settings=GoogleSettings,
    objects={
        "user_lists": ObjectKind(
            "members", keys=("match_key",), field_problem=list_problem, options=ListOptions
        ),
        "conversions": ObjectKind(
            "events", keys=("upload_key",), options=ConversionOptions, tells_doubles=True
        ),
    },
    destination=Google,
    sandbox="madang.sandbox.google",
    api_version=lambda settings, workspace: "1.0",
)
