"""Meta: members of custom audiences, through the Marketing API; conversions beside them.

The contract, with the vendor's pages:
- https://developers.facebook.com/docs/marketing-api/reference/custom-audience/users (payload,
  session, 10,000 rows a request, what is invalid is counted and not named)
- https://developers.facebook.com/docs/marketing-api/custom-audience-api (a fixed schema of columns;
  audiences may be blocked or deleted there)
- https://developers.facebook.com/docs/marketing-api/error-reference
- how its answers are read: `meta_answers`; conversions: `meta_conversions`

Adding a member twice and removing one who is not there change nothing, so both may be repeated.
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.errors import ConfigError
from madang.specs.strict import EnvironmentName, HttpAddress, matching
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import (
    ACCEPTED,
    Batch,
    Destination,
    DestinationSettings,
    Entry,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import batched, request_of
from madang.sync.destinations.members import hash_of, list_problem
from madang.sync.destinations.meta_answers import (
    checked,
    invalid_entries,
    not_understood,
    rejected,
    trouble,
)
from madang.sync.destinations.meta_conversions import (
    EVENTS_LIMIT,
    ConversionOptions,
    MetaConversions,
)
from madang.sync.destinations.rows import compact

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

ROWS_LIMIT = 10_000  # a request
SYSTEMATIC = 10  # when so many members are refused and none was taken, it is not about the members
TRIES = 3  # to make an audience
MOST_PAGES = 100  # of an account's audiences
#: Always all of them, '' where there is nothing: an audience that was begun with several columns
#: takes no single one later (error 2650).
COLUMNS = (
    *("EXTERN_ID", "EMAIL", "PHONE", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "GEN"),
    *("CT", "ST", "ZIP", "COUNTRY", "MADID"),
)
NOBODY = compact([""] * len(COLUMNS))
#: A member, with %s in the place of a hash, by the kind of it; nothing of a hash needs an escape.
MEMBERS = {
    name.lower(): compact(["%s" if name == column else "" for column in COLUMNS])
    for name in ("EMAIL", "PHONE")
}


class MetaSettings(DestinationSettings):
    """One ad account; an access token with ads_management is in the environment.

    `dataset_id` is where conversions go.
    """

    ad_account_id: Annotated[str, matching(r"\d{5,20}", "the digits behind act_, in quotes")]
    dataset_id: (
        Annotated[str, matching(r"\d{5,20}", "the digits of a dataset, in quotes")] | None
    ) = None
    token_env: EnvironmentName = "MADANG_META_TOKEN"
    api_version: Annotated[str, matching(r"\d{2}\.0", "a version such as 26.0")] = "26.0"
    url: HttpAddress = "https://graph.facebook.com"
    members_per_request: Annotated[int, Field(ge=1, le=ROWS_LIMIT)] = ROWS_LIMIT
    events_per_request: Annotated[int, Field(ge=1, le=EVENTS_LIMIT)] = EVENTS_LIMIT
    timeout_seconds: Annotated[float, Field(gt=0)] = 120


class Meta:
    """Members of custom audiences by the SHA-256 of an address; an audience is found by name."""

    @classmethod
    def open(cls, opening: Opening) -> Destination:
        """Raises ConfigError where the token or, of conversions, the dataset is missing."""
        from madang.http.auth import Bearer

        token = opening.secret("token_env", "an access token with ads_management")
        check, settings = "Check metastatus.com.", opening.settings
        client = opening.client("Meta", Bearer(token), check, trouble=trouble)
        if opening.sends != "conversions":
            return cls(client, settings)
        if settings.dataset_id is None:
            raise ConfigError(
                "Conversions go to a dataset of Meta's, and none is named.",
                where=f"{opening.where}.dataset_id",
                fix="Write its digits there; they stand in Meta's Events Manager.",
            )
        return MetaConversions(client, settings, opening.options, opening.now())

    def __init__(self, client: "Client", settings: MetaSettings) -> None:
        self._client = client
        self._settings = settings
        self._has_accepted = False
        self._audiences: dict[str, str] | None = None
        self.objects_per_request = settings.members_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group members, in order, by audience and by what is to be done with them."""
        return batched(objects, self.objects_per_request, member)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch; in halves where Meta counts invalid members, until it is about one."""
        receipt = Receipt()
        name, is_removal = request_of(batch.objects[0])
        method, path = "DELETE" if is_removal else "POST", f"/{self._audience(name)}/users"
        waiting = [list(range(len(batch.objects)))]
        while waiting:
            places = waiting.pop()
            rows = b",".join(batch.encoded[place] for place in places)
            reply = self._ask(method, path, data=_body(rows, len(places)))
            receipt.http_status = reply.status
            receipt.attempts += reply.attempts
            invalid = invalid_entries(reply, len(places))
            if not invalid:
                self._has_accepted = True
                for place in places:
                    receipt.outcomes[batch.objects[place].number] = ACCEPTED
            elif len(places) == 1:
                receipt.outcomes[batch.objects[places[0]].number] = rejected()
                self._stop_if_systematic(receipt)
            else:
                middle = len(places) // 2
                waiting += [places[middle:], places[:middle]]
        return receipt

    def close(self) -> None:
        self._client.close()

    def _stop_if_systematic(self, receipt: Receipt) -> None:
        if not self._has_accepted and len(receipt.outcomes) >= SYSTEMATIC:
            raise DestinationRefused(
                "Meta counts every member as invalid.",
                fix="See how the match keys of the activation model are made, then plan again.",
            )

    def _audience(self, name: str) -> str:
        """Return the id of the custom audience of an audience; make it where there is none."""
        called = f"madang_{name}"
        if self._audiences is None:
            self._audiences = self._listed()
        for _ in range(TRIES):
            if called in self._audiences:
                return self._audiences[called]
            try:
                self._audiences[called] = self._made(called)
            except DestinationUnclear:  # it may be there: look before making another
                self._audiences = self._listed()
        raise DestinationUnclear(
            f"Whether Meta made the audience {called} is unknown.",
            fix="Look there for it, then run the same command again.",
        )

    def _listed(self) -> dict[str, str]:
        """Return the account's custom audiences: id by name, the first of each name."""
        found: dict[str, str] = {}
        after = None
        for _ in range(MOST_PAGES):
            params = {"fields": "id,name", "limit": "500"} | ({"after": after} if after else {})
            reply = self._ask("GET", self._account, params=params)
            body = reply.body or {}
            listed, paging = body.get("data"), body.get("paging") or {}
            if not isinstance(listed, list) or not isinstance(paging, dict):
                raise not_understood(reply)
            for one in listed:
                if isinstance(one, dict) and isinstance(one.get("id"), str):
                    found.setdefault(str(one.get("name")), one["id"])
            after = (paging.get("cursors") or {}).get("after") if paging.get("next") else None
            if not isinstance(after, str):
                return found
        return found

    def _made(self, called: str) -> str:
        wanted = {
            "name": called,
            "subtype": "CUSTOM",
            "description": "Members are kept by Madang.",
            "customer_file_source": "USER_PROVIDED_ONLY",
        }
        reply = self._ask("POST", self._account, once=True, data=json.dumps(wanted).encode())
        made = (reply.body or {}).get("id")
        if not isinstance(made, str) or not made.isdecimal():
            raise not_understood(reply)
        return made

    def _ask(self, method: str, path: str, **options: Any) -> "Reply":
        headers = {"Content-Type": "application/json"} if "data" in options else {}
        version = f"/v{self._settings.api_version}"
        reply = self._client.request(method, version + path, headers=headers, **options)
        return checked(reply, self._client.redact)

    @property
    def _account(self) -> str:
        return f"/act_{self._settings.ad_account_id}/customaudiences"


def member(one: SyncObject) -> bytes:
    """Return a member as it stands in a request: a row of all columns. None of a key is a hash."""
    kind, value = hash_of(one.key)
    return (MEMBERS[kind] % value if kind in MEMBERS else NOBODY).encode()


def _body(rows: bytes, count: int) -> bytes:
    """Return a request's body; each request is a session of its own."""
    session = {
        "session_id": secrets.randbelow(2**62) + 1,
        "batch_seq": 1,
        "last_batch_flag": True,
        "estimated_num_total": count,
    }
    told = json.dumps({"schema": COLUMNS})[:-1].encode() + b', "data": [' + rows + b"]}"
    return b'{"payload": ' + told + b', "session": ' + json.dumps(session).encode() + b"}"


ENTRY = Entry(
    settings=MetaSettings,
    objects={
        "custom_audiences": ObjectKind("members", keys=("match_key",), field_problem=list_problem),
        "conversions": ObjectKind("events", keys=("upload_key",), options=ConversionOptions),
    },
    destination=Meta,
    sandbox="madang.sandbox.meta",
    api_version=lambda settings, workspace: settings.api_version,
)
