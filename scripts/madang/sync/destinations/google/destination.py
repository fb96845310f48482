"""Google: members of Customer Match lists, through the Data Manager API; conversions beside them.

The contract, with the vendor's pages:
- https://developers.google.com/data-manager/api/devguides/audiences/google-ads/customer-match/upload-data
  (ingest and remove, composite data, consent, terms)
- https://developers.google.com/data-manager/api/devguides/limits (10,000 members a request)
- https://developers.google.com/data-manager/api/devguides/concepts/understand-errors (one bad
  member and nothing of the request is processed; the answer names the field)
- lists: `google.lists`; conversions: `google.conversions`; corrections: `google.adjustments`
- how its answers are read: `google.answers`; how it is asked: `google.request`

Adding a member twice and removing one who is not there change nothing, so both may be repeated.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from madang.errors import ConfigError
from madang.specs.strict import EnvironmentName, HttpAddress, matching
from madang.sync.destinations.base import (
    Batch,
    Destination,
    DestinationSettings,
    Entry,
    Later,
    Look,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import batched, request_of
from madang.sync.destinations.google import adjustments
from madang.sync.destinations.google.adjustments import Adjustments
from madang.sync.destinations.google.answers import UnknownAction, told_state
from madang.sync.destinations.google.conversions import (
    EVENTS_LIMIT,
    GRANTED,
    ConversionOptions,
    GoogleConversions,
)
from madang.sync.destinations.google.lists import Lists
from madang.sync.destinations.google.request import asked, envelope
from madang.sync.destinations.members import (
    ListOptions,
    ListTrouble,
    hash_of,
    list_problem,
    list_refused,
)
from madang.sync.destinations.parts import Parts
from madang.sync.destinations.rows import compact

if TYPE_CHECKING:
    from madang.http.auth import Auth
    from madang.http.client import Client
    from madang.sync.spec import SyncSpec

SCOPE = "https://www.googleapis.com/auth/datamanager"
ADS_URL = "https://googleads.googleapis.com"
JWT_SECONDS = 3600  # Google takes at most an hour
MEMBERS_LIMIT = 10_000  # a request
LONGEST_DAYS = 540  # 46656000s
IDENTIFIERS = {"email": "emailAddress", "phone": "phoneNumber"}
Account = Annotated[str, matching(r"\d{10}", "ten digits without dashes, in quotes")]


class GoogleSettings(DestinationSettings):
    """One Google Ads account. Secrets are in the environment variables that are named here.

    `login_account_id` is the manager account by which it is reached. `terms_accepted` says that
    somebody accepted the Customer Match terms in Google Ads; `political_ads_declared` that somebody
    declared there whether the account runs political ads in the EU. The developer token and
    `ads_url` are for corrections alone.
    """

    account_id: Account
    login_account_id: Account | None = None
    terms_accepted: bool = False
    political_ads_declared: bool = False
    auth: Literal["service_account", "refresh_token"] = "service_account"
    key_file_env: EnvironmentName = "MADANG_GOOGLE_KEY_FILE"
    client_id_env: EnvironmentName = "MADANG_GOOGLE_CLIENT_ID"
    client_secret_env: EnvironmentName = "MADANG_GOOGLE_CLIENT_SECRET"
    refresh_token_env: EnvironmentName = "MADANG_GOOGLE_REFRESH_TOKEN"
    url: HttpAddress = "https://datamanager.googleapis.com"
    token_url: HttpAddress = "https://oauth2.googleapis.com/token"
    developer_token_env: EnvironmentName = "MADANG_GOOGLE_DEVELOPER_TOKEN"
    ads_url: HttpAddress | None = None
    members_per_request: Annotated[int, Field(ge=1, le=MEMBERS_LIMIT)] = MEMBERS_LIMIT
    events_per_request: Annotated[int, Field(ge=1, le=EVENTS_LIMIT)] = EVENTS_LIMIT
    timeout_seconds: Annotated[float, Field(gt=0)] = 120


class UserListOptions(ListOptions):
    """`membership_days`: after how many days Google forgets a member who was not added again.

    Who stays wanted is added again before.
    """

    membership_days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = LONGEST_DAYS


class Google:
    """Members of lists by the SHA-256 of an address; a list is found by its integration code."""

    @classmethod
    def open(cls, opening: Opening) -> Destination:
        """Raises ConfigError where a secret is missing or the terms were not accepted."""
        settings: GoogleSettings = opening.settings
        if opening.sends == "user_lists" and not settings.political_ads_declared:
            raise ConfigError(
                "Nobody said that the declaration about political ads in the EU is made; Google "
                "makes no list without (EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED).",
                where=f"{opening.where}.political_ads_declared",
                fix="Declare it in Google Ads, also where there are none, then write "
                "political_ads_declared: true.",
            )
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
            corrections = _adjustments(opening) if opening.options.adjustments else None
            options, now = opening.options, opening.now()
            return GoogleConversions(client, settings, options, now, corrections)
        days = opening.options.membership_days if opening.options else LONGEST_DAYS
        return cls(client, settings, days, partial(_adjustments, opening))

    def __init__(
        self,
        client: "Client",
        settings: GoogleSettings,
        membership_days: int,
        adjustments: Callable[[], Adjustments] | None = None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._adjustments = adjustments
        self._lists = Lists(client, settings.account_id, membership_days)
        self._parts = Parts("Google", "members")
        self.objects_per_request = settings.members_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group members, in order, by list and by what is to be done with them."""
        return batched(objects, self.objects_per_request, member)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch, without those that Google names as wrong, in halves where it names none.

        A list that is not ours or cannot be used costs its own members alone.
        """
        name, is_removal = request_of(batch.objects[0])
        path = "/v1/audienceMembers:remove" if is_removal else "/v1/audienceMembers:ingest"
        receipt = Receipt()
        try:
            body = self._envelope(self._lists.id_of(name), is_removal)
            ask = partial(asked, self._client, path, body)
            return self._parts.send(batch, dict(enumerate(batch.encoded)), receipt, ask)
        except (ListTrouble, UnknownAction) as trouble:
            return list_refused(batch, trouble, receipt)

    def missing(self, lists: Collection[str]) -> set[str]:
        """Return those lists that Google does not have, or not any more."""
        return {name for name in lists if not self._lists.is_there(name)}

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask whether the login reaches the account, and, where a sync has adjustments, the Google
        Ads API, too. Raises what `judge` raises.
        """
        self._lists.ask()
        yield Look("account", "ok", f"the login reaches {self._settings.account_id}")
        names = [spec.name for spec in syncs if spec.object == "user_lists"]
        for key, said in (
            ("terms_accepted", "the Customer Match terms are accepted"),
            ("political_ads_declared", "the declaration about political ads in the EU is made"),
        ):
            if names and not getattr(self._settings, key):
                told = f"nobody said that {said} ({', '.join(names)})"
                yield Look(key, "problem", told, f"Write {key}: true once it is so.")
        wanted = any(getattr(spec.options, "adjustments", False) for spec in syncs)
        if wanted and self._adjustments is not None:
            corrections = self._adjustments()
            try:
                yield corrections.look()
            finally:
                corrections.close()

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
        if not is_removal:
            body["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
        return json.dumps(body)[:-1].encode() + b', "audienceMembers": [%s]}'


def _pattern(name: str | None, is_removal: bool) -> str:
    identifiers = [{name: "%s"}] if name else []
    data: dict[str, object] = {"compositeData": {"userData": {"userIdentifiers": identifiers}}}
    if not is_removal:  # only who allowed both is sent: the purpose advertising
        data["consent"] = GRANTED
    return compact(data)


#: A member, with %s in the place of the hash, by its kind and whether it is to be removed. Nothing
#: of a hash needs an escape.
MEMBERS = {
    (kind, is_removal): _pattern(name, is_removal)
    for kind, name in {**IDENTIFIERS, "": None}.items()
    for is_removal in (False, True)
}


def member(one: SyncObject) -> bytes:
    """Return a member as it stands in a request; without an identifier where the key is none."""
    kind, value = hash_of(one.key)
    gone = one.changes[0].value is None
    pattern = MEMBERS.get((kind, gone)) or MEMBERS["", gone]
    return pattern.replace("%s", value).encode()


def _adjustments(opening: Opening) -> Adjustments:
    """Open the Google Ads API. Raises ConfigError where a secret is missing."""
    token = opening.secret("developer_token_env", "the developer token of the API Center")
    config = opening.settings
    auth, url = _auth(opening, adjustments.SCOPE), config.ads_url or ADS_URL
    client = opening.client("Google Ads", auth, "Check ads.google.com/status.", url=url)
    return Adjustments(client, config, token)


def _auth(opening: Opening, scope: str = SCOPE) -> "Auth":
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
        claims = {"iss": key["client_email"], "scope": scope, "aud": settings.token_url}
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
            "members", keys=("match_key",), field_problem=list_problem, options=UserListOptions
        ),
        "conversions": ObjectKind(
            "events", keys=("upload_key",), options=ConversionOptions, tells_doubles=True
        ),
    },
    destination=Google,
    sandbox="madang.sandbox.google",
    api_version=lambda settings, workspace: "1.0",
)
