"""OpenAI: members of custom audiences of ChatGPT's advertisements; conversions beside them.

The contract, with the vendor's pages:
- https://developers.openai.com/ads/custom-audiences (identifiers, 10,000 a request on the fast
  path, Idempotency-Key, one change after the other, polling; no campaigns in the EEA and
  Switzerland)
- https://developers.openai.com/ads/api-reference/authentication (a key is of one ad account)
- how its answers are read: `openai.answers`; conversions: `openai.conversions`

A change is taken first and worked on later. Its key is made of the plan and of what it holds: after
a lost answer or a kill the same plan sends the same request, which OpenAI knows again. Adding a
member twice and removing one who is not there change nothing besides.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.errors import ConfigError, MadangError
from madang.specs.strict import EnvironmentName, HttpAddress, matching
from madang.sync import DestinationRefused
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
from madang.sync.destinations.members import (
    ListOptions,
    ListsByName,
    ListTrouble,
    hash_of,
    list_problem,
    list_refused,
    with_hash,
)
from madang.sync.destinations.openai.answers import (
    checked,
    is_interrupted,
    not_understood,
    operation,
    refusal,
    told_state,
    trouble,
)
from madang.sync.destinations.openai.conversions import (
    EVENTS_LIMIT,
    ConversionOptions,
    OpenAIConversions,
)
from madang.sync.destinations.parts import Answer, Parts

if TYPE_CHECKING:
    from madang.http.client import Client, Reply
    from madang.sync.spec import SyncSpec

MEMBERS_LIMIT = 10_000  # a request; more take the slow path of files
LEAST_SIZE = 25_000  # matched people of an audience that is advertised to or bid on
PAGE, MOST_PAGES = 100, 100  # of an account's audiences
LONGEST_PAUSE = 15.0  # seconds between two questions about a change
KINDS = {"email": "email_sha256", "phone": "phone_number_sha256"}
USABLE, ENDED = frozenset({"ready", "too_small"}), frozenset({"failed", "archived"})


class OpenAISettings(DestinationSettings):
    """One ad account, told by its keys, which are in the environment.

    `pixel_id` is where conversions go. With `validate_only` OpenAI checks conversions and keeps
    none. `operation_minutes`: how long a run waits for a change before the next one.
    """

    pixel_id: Annotated[str, matching(r"[A-Za-z0-9_-]{5,64}", "the id of a pixel")] | None = None
    validate_only: bool = False
    key_env: EnvironmentName = "MADANG_OPENAI_ADS_KEY"
    conversions_key_env: EnvironmentName = "MADANG_OPENAI_CONVERSIONS_KEY"
    url: HttpAddress = "https://api.ads.openai.com"
    events_url: HttpAddress = "https://bzr.openai.com"
    members_per_request: Annotated[int, Field(ge=1, le=MEMBERS_LIMIT)] = MEMBERS_LIMIT
    events_per_request: Annotated[int, Field(ge=1, le=EVENTS_LIMIT)] = EVENTS_LIMIT
    operation_minutes: Annotated[float, Field(gt=0)] = 15
    timeout_seconds: Annotated[float, Field(gt=0)] = 60


class OpenAI:
    """Members of custom audiences by the SHA-256 of an address; an audience is found by name."""

    @classmethod
    def open(cls, opening: Opening) -> Destination:
        """Raises ConfigError where a key or, of conversions, the pixel is missing."""
        from madang.http.auth import Bearer

        settings: OpenAISettings = opening.settings
        check = "Check status.openai.com."
        if opening.sends != "conversions":
            key = opening.secret("key_env", "an Ads API key of the ad account")
            return cls(opening.client("OpenAI", Bearer(key), check, trouble=trouble), settings)
        if settings.pixel_id is None:
            raise ConfigError(
                "Conversions go to a pixel of OpenAI's, and none is named.",
                where=f"{opening.where}.pixel_id",
                fix="Write its id there; it stands in Ads Manager, under conversions.",
            )
        key = opening.secret("conversions_key_env", "a Conversions API key")
        client = opening.client("OpenAI", Bearer(key), check, url=settings.events_url)
        tested_by = "validate_only" if settings.validate_only else ""
        return OpenAIConversions(client, settings, opening.options, opening.now(), tested_by)

    def __init__(self, client: "Client", settings: OpenAISettings) -> None:
        self._client = client
        self._seconds = settings.operation_minutes * 60
        self._plan_id = ""
        self._lists = ListsByName("OpenAI", self._listed, self._made)
        self._usable: set[str] = set()
        self._last: dict[str, str] = {}
        self._parts = Parts("OpenAI", "members")
        self.objects_per_request = settings.members_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def planned(self, plan_id: str) -> None:
        """Note the plan, of which the keys of its requests are made."""
        self._plan_id = plan_id

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group members, in order, by audience and by what is to be done with them."""
        return batched(objects, self.objects_per_request, lambda one: member(one) or b"")

    def send(self, batch: Batch) -> Receipt:
        """Send a batch without what is no hash and what OpenAI refuses, once it may be changed.

        An audience that cannot be used costs its own members alone.
        """
        name, is_removal = request_of(batch.objects[0])
        receipt = Receipt()
        try:
            audience_id = self._lists.id_of(name)
            if audience_id not in self._usable:
                called = f"The audience madang_{name}"
                self._wait(called, lambda: self._is_usable(audience_id, name))
                self._usable.add(audience_id)
        except ListTrouble as stop:
            return list_refused(batch, stop, receipt)
        path = f"/v1/custom_audiences/{audience_id}/{'remove' if is_removal else 'add'}"
        encoded = with_hash(batch, batch.encoded, receipt)

        def ask(rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
            self._settle(audience_id, name)
            reply = self._changed(path, b'{"identifiers":[' + b",".join(rows) + b"]}")
            if answer := refusal(reply, len(rows), self._client.redact):
                return reply, answer
            made = self._last[audience_id] = operation(reply, self._client.redact)
            return reply, Answer(is_taken=True, reference=f"{audience_id}/{made}")

        return self._parts.send(batch, encoded, receipt, ask)

    def poll(self, remote_reference: str) -> Later | None:
        """Return what became of a change; None while OpenAI is at work.

        One that was interrupted is resumed: it keeps what it was asked.
        """
        audience_id, _, operation_id = remote_reference.partition("/")
        path = f"/v1/custom_audiences/{audience_id}/operations/{operation_id}"
        reply = self._client.request("GET", path)
        if is_interrupted(reply):
            self._client.request("POST", f"{path}/resume", once=True)
            return None
        return told_state(reply)

    def missing(self, lists: Collection[str]) -> set[str]:
        """Return those audiences that OpenAI does not have, or not any more."""
        return self._lists.missing(lists)

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask which ad account the key is of, and whether it may read audiences."""
        try:
            account = checked(self._client.request("GET", "/v1/ad_account"), self._client.redact)
            yield Look("login", "ok", f"ad account {str(account.get('id'))[:50]}")
            self._listed()
            yield Look("audiences", "ok", "may be read")
        except MadangError as error:
            yield Look("login", "problem", error.message, error.fix)
        if any(one.object == "conversions" for one in syncs):
            yield Look("conversions", "ok", "have a key of their own, asked about by validate_only")

    def close(self) -> None:
        self._client.close()

    def _changed(self, path: str, body: bytes) -> "Reply":
        told = b"\n".join((self._plan_id.encode(), path.encode(), body))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": hashlib.sha256(told).hexdigest(),
        }
        return self._client.request("POST", path, headers=headers, data=body)

    def _settle(self, audience_id: str, name: str) -> None:
        """Wait for the change before: OpenAI wants one after the other."""
        before = self._last.pop(audience_id, None)
        if before is None:
            return
        reference = f"{audience_id}/{before}"

        def is_over() -> bool:
            became = self.poll(reference)
            if became is not None and became.status == "failed":
                raise DestinationRefused(
                    f"A change of the audience madang_{name} failed there ({before}).",
                    fix="Run 'madang sync --poll', then plan again: what failed is sent once more.",
                )
            return became is not None

        self._wait(f"A change of the audience madang_{name}", is_over)

    def _is_usable(self, audience_id: str, name: str) -> bool:
        reply = self._client.request("GET", f"/v1/custom_audiences/{audience_id}")
        status = checked(reply, self._client.redact).get("status")
        if status in ENDED:
            raise ListTrouble(
                f"The audience madang_{name} is {status} at OpenAI.",
                fix="Give it another name in Ads Manager; the next run makes it anew.",
            )
        return status in USABLE

    def _wait(self, what: str, is_over: Callable[[], bool]) -> None:
        """Ask with growing pauses. Raises DestinationRefused: of what waits nothing was sent."""
        began, pause = self._client.clock(), 0.2
        while not is_over():
            if self._client.clock() - began + pause > self._seconds:
                raise DestinationRefused(
                    f"{what} is still at work at OpenAI.",
                    fix="Run the same command later: it goes on where it stopped.",
                )
            self._client.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _listed(self) -> list[tuple[str, str]]:
        """Return the account's custom audiences: name and id."""
        found: list[tuple[str, str]] = []
        params = {"limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            reply = self._client.request("GET", "/v1/custom_audiences", params=params)
            body = checked(reply, self._client.redact)
            if not isinstance(body.get("data"), list):
                raise not_understood(reply)
            for one in body["data"]:
                if isinstance(one, dict) and one.get("status") != "archived":
                    found.append((str(one.get("name")), _id_of(one, reply)))
            if body.get("has_more") is not True or not isinstance(body.get("last_id"), str):
                return found
            params["after"] = body["last_id"]
        return found

    def _made(self, called: str) -> str:
        wanted = {"name": called, "description": "Members are kept by Madang."}
        reply = self._client.request("POST", "/v1/custom_audiences", once=True, json=wanted)
        return _id_of(checked(reply, self._client.redact), reply)


def member(one: SyncObject) -> bytes | None:
    """Return a member as it stands in a request; None for what is no hash."""
    kind, value = hash_of(one.key)
    if kind not in KINDS:
        return None
    told = {"identifier_type": KINDS[kind], "identifier": value}
    return json.dumps(told, separators=(",", ":")).encode()


def _id_of(found: dict[str, Any], reply: "Reply") -> str:
    told = found.get("id")
    if not isinstance(told, str) or not told.replace("_", "").isalnum() or not told.isascii():
        raise not_understood(reply)
    return told


ENTRY = Entry(
    settings=OpenAISettings,
    objects={
        "custom_audiences": ObjectKind(
            "members",
            keys=("match_key",),
            field_problem=list_problem,
            options=ListOptions,
            least=(LEAST_SIZE, "OpenAI neither advertises to it nor bids on it, it only excludes"),
        ),
        "conversions": ObjectKind("events", keys=("upload_key",), options=ConversionOptions),
    },
    destination=OpenAI,
    sandbox="madang.sandbox.openai",
    api_version=lambda settings, workspace: "1.0",
)
