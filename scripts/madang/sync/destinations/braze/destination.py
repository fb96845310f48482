"""Braze: sets user attributes with POST /users/track and reads what it answers, object by object.

The contract, with the vendor's pages:
- https://www.braze.com/docs/api/endpoints/user_data/post_user_track (objects, ids, null removes)
- https://www.braze.com/docs/api/objects_filters/user_attributes_object (arrays: add and remove)
- https://www.braze.com/docs/api/api_limits (50 or 75 objects a request by contract, 4 MB)
- https://www.braze.com/docs/api/endpoints/user_data/post_user_delete (50 ids, for good; an e-mail
  address with the user that is meant of several)
- https://www.braze.com/docs/api/errors (message and errors; 4xx is fatal, 201 may hold errors)
- how its answers are read: `braze.answers`; ids of users: `braze.keys`
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.errors import UsageError
from madang.specs.strict import EnvironmentName, HttpAddress, matching
from madang.sync import DestinationRefused
from madang.sync.destinations.base import (
    Batch,
    Definition,
    Destination,
    DestinationSettings,
    Entry,
    Look,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import within_limits
from madang.sync.destinations.braze import catalogs, groups
from madang.sync.destinations.braze.answers import complaints, words_of
from madang.sync.destinations.braze.campaigns import BrazeCampaigns, MessageOptions
from madang.sync.destinations.braze.catalogs import BrazeCatalogs, CatalogOptions, name_problem
from madang.sync.destinations.braze.events import (
    PAYLOAD_LIMIT,
    TRACK,
    BrazeEvents,
    EventOptions,
    event_problem,
)
from madang.sync.destinations.braze.groups import BrazeGroups, GroupOptions, group_problem
from madang.sync.destinations.braze.keys import KeyOptions, id_of, user_of
from madang.sync.destinations.braze.look import NEEDED, look
from madang.sync.destinations.braze.sending import Sending
from madang.sync.destinations.rows import plain

if TYPE_CHECKING:
    from madang.http.client import Client
    from madang.sync.guards import Counts
    from madang.sync.spec import SyncSpec

DELETE = "/users/delete"
DELETE_LIMIT = 50  # ids a request, all of one kind
DELETE_NAMES = {
    "external_id": "external_ids",
    "user_alias": "user_aliases",
    "braze_id": "braze_ids",
    "email": "email_addresses",
    "phone": "phone_numbers",
}
#: Which user of an address is deleted: whoever has a customer number is deleted by that.
ADDRESS_ALONE = ["unidentified", "most_recently_updated"]
ENVELOPE = b'{"attributes":[%s]}'
# names that mean something else in an attributes object than a value to store
RESERVED = frozenset(
    {"external_id", "user_alias", "braze_id", "_update_existing_only", "push_token_import"}
)


class BrazeSettings(DestinationSettings):
    """One Braze instance; its REST API key is in the environment variable `key_env`."""

    url: HttpAddress
    key_env: EnvironmentName
    objects_per_request: Annotated[int, Field(ge=1)] = 50
    connections: Annotated[int, Field(ge=1, le=32)] = 8
    timeout_seconds: Annotated[float, Field(gt=0)] = 30


class UserOptions(KeyOptions):
    """`create_missing`: whether Braze may create a user whom it does not know.

    `array_attribute`: one array of audiences instead of an attribute each, with add and remove.
    `hold_days`: for how long who left an audience is kept there, because coming back costs.
    """

    create_missing: bool = False
    hold_days: Annotated[int, Field(ge=1, le=30)] | None = None
    array_attribute: (
        Annotated[str, matching(r"[A-Za-z][A-Za-z0-9_]{0,254}", "a name of an attribute")] | None
    ) = None


class Braze:
    """User attributes, by the first id that a user has."""

    @classmethod
    def open(cls, opening: Opening) -> Destination:
        """Raises ConfigError where the key is missing."""
        from madang.http.auth import Bearer

        permission = " and ".join(NEEDED[opening.sends or "user_attributes"])
        key = opening.secret("key_env", f"a REST API key that may call {permission}")
        check = "Check the address in madang.yml and Braze's status page."
        client, settings = opening.client("Braze", Bearer(key), check), opening.settings
        if opening.sends == "events":
            return BrazeEvents(client, opening.options, settings.objects_per_request, opening.now())
        if opening.sends == "subscription_groups":
            return BrazeGroups(client)
        if opening.sends == "campaign_messages":
            return BrazeCampaigns(client, opening.now())
        if opening.sends == "catalog_items":
            return BrazeCatalogs(client, opening.options)
        return cls(
            client,
            objects_per_request=settings.objects_per_request,
            connections=settings.connections,
            options=opening.options or UserOptions(),
        )

    def __init__(
        self,
        http: "Client",
        *,
        objects_per_request: int = 50,
        connections: int = 1,
        options: UserOptions = UserOptions(),
    ) -> None:
        self._http = http
        self._options = options
        self._sending = Sending(http, "users.track")
        self.objects_per_request = objects_per_request
        self.connections = connections  # a user is one object of a run: batches have no order

    @property
    def requests(self) -> int:
        return self._http.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group objects, in order, by the limits on their number and on the payload's size."""
        encoded = ((one, encode(one, self._options)) for one in objects)
        most_bytes = PAYLOAD_LIMIT - len(ENVELOPE)
        return within_limits(encoded, self.objects_per_request, most_bytes)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch, in parts where Braze does not say which object it means."""
        return self._sending.send(
            batch,
            TRACK,
            lambda part: payload([batch.encoded[at] for at in part]),
            lambda part: [("attributes", place) for place in range(len(part))],
        )

    def delete(self, keys: Sequence[str]) -> int | None:
        """Delete users, for good; return the last HTTP status.

        Braze counts those that it knew and passes over the others, so that asking again is safe.
        Raises DestinationRefused for an answer that is no plain success, DestinationDown for none.
        """
        status = None
        by_kind: dict[str, list[Any]] = {}
        for key in keys:
            ((kind, one),) = id_of(key).items()
            if kind == "email":
                one = {"email": one, "prioritization": ADDRESS_ALONE}
            by_kind.setdefault(kind, []).append(one)
        for kind, ids in by_kind.items():
            for first in range(0, len(ids), DELETE_LIMIT):
                asked = {DELETE_NAMES[kind]: ids[first : first + DELETE_LIMIT]}
                reply = self._http.post(DELETE, json.dumps(asked).encode())
                status, body = reply.status, reply.body or {}
                wrong = complaints(body, is_success=True)
                if status not in (200, 201) or body.get("message") != "success" or wrong:
                    words = words_of(wrong[0] if wrong else body.get("message") or "no message")
                    raise DestinationRefused(
                        f"Braze did not delete: HTTP {status}, {self._sending.clean(words)}",
                        fix="The key must be allowed to call users.delete.",
                    )
        return status

    @classmethod
    def describe(cls, options: Any, fields: Sequence[str]) -> list[Definition]:
        """Return the catalog that is to be made. Raises UsageError for what needs nothing."""
        if isinstance(options, CatalogOptions):
            return catalogs.describe(options)
        raise UsageError("Of Braze only a catalog is to be made before a sync.")

    @classmethod
    def row_problem(cls, options: Any, key: str, value: str) -> str | None:
        """Say why an item would not be sent."""
        is_item = isinstance(options, CatalogOptions)
        return catalogs.row_problem(options, key, value) if is_item else None

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask for the instance, the key and its permissions."""
        return look(self._http, syncs, self._sending.clean)

    def close(self) -> None:
        self._http.close()


def field_problem(field: str) -> str | None:
    """Say why Braze would not store an attribute of this name, or None."""
    if field in RESERVED:
        return f"'{field}' has a meaning of its own in Braze and cannot be an attribute."
    if not field or len(field) > 255:
        return "An attribute's name has 1 to 255 characters."
    if field.startswith("$"):
        return f"'{field}' begins with $, which Braze keeps for its own names."
    return None


def attributes(one: SyncObject, options: UserOptions = UserOptions()) -> dict[str, Any]:
    """Return an object's attributes as Braze takes them: null removes an attribute.

    Only a sync that says so creates the user whom it is about, and never by a removal.
    """
    built = _user(one, options)
    if options.array_attribute is not None:
        # an element is there or not: what stands in `value` says no more
        gone = [change.field for change in one.changes if change.value in (None, "false")]
        new = [change.field for change in one.changes if change.field not in gone]
        parts = {"add": new, "remove": gone}
        built[options.array_attribute] = {name: part for name, part in parts.items() if part}
        return built
    for change in one.changes:
        built[change.field] = None if change.value is None else json.loads(change.value)
    return built


def _user(one: SyncObject, options: UserOptions) -> dict[str, Any]:
    takes_only = all(change.value is None for change in one.changes)
    return user_of(one.key, creates=options.create_missing and not takes_only)


@lru_cache(4096)
def _member(field: str, value: str | None) -> str:
    """Return an attribute as it stands in an object; most of a run are alike, such as true."""
    return f"{plain(field)}:{plain(None if value is None else json.loads(value))}"


def encode(one: SyncObject, options: UserOptions = UserOptions()) -> bytes:
    """Return an object as it stands in a request: what `attributes` says, made in half the time."""
    if options.array_attribute is not None:
        return plain(attributes(one, options)).encode()
    members = [f"{plain(name)}:{plain(value)}" for name, value in _user(one, options).items()]
    members += [_member(field, value) for field, value in one.changes]
    return f"{{{','.join(members)}}}".encode()


def payload(encoded: Sequence[bytes]) -> bytes:
    """Return the body of a request."""
    return ENVELOPE % b",".join(encoded)


def data_points(counts: "Counts") -> str:
    """Say what a plan costs where the contract counts data points: each value that is set is one.

    https://braze.com/docs/user_guide/data/data_points/ (contracts since 2025 count none)
    """
    return f"{counts.added + counts.changed:,} data points (additions and changes; leaving is free)"


ENTRY = Entry(
    settings=BrazeSettings,
    objects={
        "user_attributes": ObjectKind(
            "attributes",
            keys=("external_id", "in_order"),
            field_problem=field_problem,
            options=UserOptions,
            forecast=data_points,
        ),
        "events": ObjectKind(
            "events",
            keys=("event_id",),
            field_problem=event_problem,
            options=EventOptions,
            forecast=data_points,
        ),
        "subscription_groups": ObjectKind(
            "members",
            keys=tuple(groups.NAMES),
            field_problem=group_problem,
            options=GroupOptions,
        ),
        "campaign_messages": ObjectKind("messages", keys=("message_id",), options=MessageOptions),
        "catalog_items": ObjectKind(
            "members",
            keys=("item_id",),
            field_problem=name_problem,
            options=CatalogOptions,
            is_of_persons=False,
        ),
    },
    destination=Braze,
    sandbox="madang.sandbox.braze",
)
