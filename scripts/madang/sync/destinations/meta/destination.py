"""Meta: members of custom audiences, through the Marketing API; conversions beside them.

The contract, with the vendor's pages:
- https://developers.facebook.com/docs/marketing-api/reference/custom-audience/users (payload,
  session, 10,000 rows a request, what is invalid is counted and not named)
- https://developers.facebook.com/docs/marketing-api/custom-audience-api (a fixed schema of columns)
- audiences: `meta.audiences`
- https://developers.facebook.com/docs/marketing-api/error-reference
- how its answers are read: `meta.answers`; conversions: `meta.conversions`

Adding a member twice and removing one who is not there change nothing, so both may be repeated.
"""

import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.errors import ConfigError
from madang.specs.strict import EnvironmentName, HttpAddress, matching
from madang.sync.destinations.base import (
    Batch,
    Destination,
    DestinationSettings,
    Entry,
    Look,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import batched, request_of
from madang.sync.destinations.members import (
    ListOptions,
    ListTrouble,
    hash_of,
    list_problem,
    list_refused,
)
from madang.sync.destinations.meta.answers import checked, members_answer, trouble
from madang.sync.destinations.meta.audiences import Audiences
from madang.sync.destinations.meta.conversions import (
    EVENTS_LIMIT,
    ConversionOptions,
    MetaConversions,
)
from madang.sync.destinations.parts import Answer, Parts
from madang.sync.destinations.rows import compact

if TYPE_CHECKING:
    from madang.http.client import Client, Reply
    from madang.sync.spec import SyncSpec

ROWS_LIMIT = 10_000  # a request
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
        self._parts = Parts("Meta", "members")
        self._audiences = Audiences(self._ask, settings.ad_account_id)
        self.objects_per_request = settings.members_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group members, in order, by audience and by what is to be done with them."""
        return batched(objects, self.objects_per_request, member)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch; in halves where Meta counts invalid members, until it is about one.

        An audience that is not ours or that Meta blocks costs its own members alone.
        """
        receipt = Receipt()
        name, is_removal = request_of(batch.objects[0])
        method = "DELETE" if is_removal else "POST"
        try:
            ask = partial(self._members, method, f"/{self._audiences.id_of(name)}/users")
            return self._parts.send(batch, dict(enumerate(batch.encoded)), receipt, ask)
        except ListTrouble as stop:
            self._audiences.block(name, stop)
            return list_refused(batch, stop, receipt)

    def missing(self, lists: Collection[str]) -> set[str]:
        """Return those audiences that Meta does not have, or not any more."""
        return {name for name in lists if not self._audiences.is_there(name)}

    def sizes(self, lists: Collection[str]) -> dict[str, tuple[int, int]]:
        """Return the bounds of those audiences for which Meta says them."""
        told = {name: self._audiences.size(name) for name in lists}
        return {name: bounds for name, bounds in told.items() if bounds is not None}

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask for the account's audiences and what is wrong with ours. Raises as `checked`."""
        ours = self._audiences.ours()
        yield Look("ad account", "ok", f"the token reaches it; {len(ours)} audiences are ours")
        for called, wrong in ours:
            if wrong is not None:
                yield Look(called, "problem", wrong.message, wrong.fix)

    def close(self) -> None:
        self._client.close()

    def _members(self, method: str, path: str, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        reply = self._ask(method, path, data=_body(b",".join(rows), len(rows)))
        return reply, members_answer(reply, len(rows))

    def _ask(self, method: str, path: str, **options: Any) -> "Reply":
        headers = {"Content-Type": "application/json"} if "data" in options else {}
        version = f"/v{self._settings.api_version}"
        reply = self._client.request(method, version + path, headers=headers, **options)
        return checked(reply, self._client.redact)


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
        "custom_audiences": ObjectKind(
            "members", keys=("match_key",), field_problem=list_problem, options=ListOptions
        ),
        "conversions": ObjectKind("events", keys=("upload_key",), options=ConversionOptions),
    },
    destination=Meta,
    sandbox="madang.sandbox.meta",
    api_version=lambda settings, workspace: settings.api_version,
)
