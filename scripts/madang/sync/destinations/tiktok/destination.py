"""TikTok: members of custom audiences, through the segment API; conversions beside them.

The contract, with the vendor's pages:
- https://business-api.tiktok.com/portal/docs?id=1739940572667906 (what changes a custom audience
  always says what it does; lists of fewer than 1,000 are not advertised to)
- https://ads.tiktok.com/help/preview?content_id=5gcDeV2ckkwNVh1BedxvSJ (how addresses and numbers
  are written before they are hashed)
- segment/audience and segment/mapping were read in published source: one order of identifiers a
  request, an empty object where a member has none. TikTok opens them to an app on request
- how its answers are read: `tiktok.answers`; conversions: `tiktok.conversions`

Adding a member twice and removing one who is not there change nothing, so both may be repeated.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.errors import ConfigError, MadangError
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
    ListsByName,
    ListTrouble,
    hash_of,
    list_problem,
    list_refused,
    with_hash,
)
from madang.sync.destinations.parts import Answer, Parts
from madang.sync.destinations.tiktok.answers import answered, data_of, not_understood, trouble
from madang.sync.destinations.tiktok.conversions import (
    EVENTS_LIMIT,
    ConversionOptions,
    TikTokConversions,
)

if TYPE_CHECKING:
    from madang.http.client import Client, Reply
    from madang.sync.spec import SyncSpec

MEMBERS_LIMIT = 10_000  # a request; no page that was seen says how many TikTok takes
LEAST_SIZE = 1_000  # of an audience that is advertised to
PAGE, MOST_PAGES = 100, 100  # of an account's audiences
SCHEMA = ("EMAIL_SHA256", "PHONE_SHA256")
PLACES = {"email": 0, "phone": 1}


class TikTokSettings(DestinationSettings):
    """One advertiser; an access token of an app that it authorised is in the environment.

    `event_set_id` is where offline conversions go, `pixel_code` those of the website. With
    `test_event_code` conversions show in TikTok's test view only, and count nowhere.
    """

    advertiser_id: Annotated[str, matching(r"\d{5,25}", "the digits of an advertiser, in quotes")]
    event_set_id: (
        Annotated[str, matching(r"\d{5,25}", "the digits of an event set, in quotes")] | None
    ) = None
    pixel_code: (
        Annotated[str, matching(r"[A-Z0-9]{5,40}", "the code of a pixel, capitals and digits")]
        | None
    ) = None
    test_event_code: (
        Annotated[str, matching(r"[A-Za-z0-9]{1,64}", "a test event code, letters and digits")]
        | None
    ) = None
    token_env: EnvironmentName = "MADANG_TIKTOK_TOKEN"
    api_version: Annotated[str, matching(r"\d\.\d", "a version such as 1.3")] = "1.3"
    url: HttpAddress = "https://business-api.tiktok.com"
    members_per_request: Annotated[int, Field(ge=1, le=MEMBERS_LIMIT)] = 1_000
    events_per_request: Annotated[int, Field(ge=1, le=EVENTS_LIMIT)] = EVENTS_LIMIT
    timeout_seconds: Annotated[float, Field(gt=0)] = 60

    @property
    def source_ids(self) -> dict[str, str | None]:
        """Where conversions of each source go."""
        return {"offline": self.event_set_id, "web": self.pixel_code}


class TikTok:
    """Members of custom audiences by the SHA-256 of an address; an audience is found by name."""

    @classmethod
    def open(cls, opening: Opening) -> Destination:
        """Raises ConfigError where the token or, of conversions, a source of events is missing."""
        from madang.http.auth import Header

        settings: TikTokSettings = opening.settings
        token = opening.secret("token_env", "an access token of the Business API")
        check = "Check the status of TikTok's Business API."
        auth = Header("Access-Token", token)
        client = opening.client("TikTok", auth, check, trouble=trouble)
        if opening.sends != "conversions":
            return cls(client, settings)
        for one in opening.options.conversions.values():
            if settings.source_ids[one.event_source] is None:
                name = {"offline": "event_set_id", "web": "pixel_code"}[one.event_source]
                raise ConfigError(
                    f"Conversions of the source {one.event_source} go to TikTok's {name}, and none "
                    "is named.",
                    where=f"{opening.where}.{name}",
                    fix="Write it there; it stands in TikTok's Events Manager.",
                )
        tested_by = "test_event_code" if settings.test_event_code else ""
        return TikTokConversions(client, settings, opening.options, opening.now(), tested_by)

    def __init__(self, client: "Client", settings: TikTokSettings) -> None:
        self._client = client
        self._settings = settings
        self._root = f"/open_api/v{settings.api_version}"
        self._lists = ListsByName("TikTok", self._listed, self._made)
        self._parts = Parts("TikTok", "members")
        self.objects_per_request = settings.members_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group members, in order, by audience and by what is to be done with them."""
        return batched(objects, self.objects_per_request, lambda one: one.key.encode())

    def send(self, batch: Batch) -> Receipt:
        """Send a batch without what is no hash; in halves where TikTok refuses it.

        An audience that cannot be used costs its own members alone.
        """
        name, is_removal = request_of(batch.objects[0])
        receipt = Receipt()
        try:
            audience_id = self._lists.id_of(name)
        except ListTrouble as stop:
            return list_refused(batch, stop, receipt)
        rows = (member(one, audience_id) for one in batch.objects)
        encoded = with_hash(batch, rows, receipt)
        around = {
            "advertiser_ids": [self._settings.advertiser_id],
            "action": "delete" if is_removal else "add",
            "id_schema": SCHEMA,
        }
        before = json.dumps(around)[:-1].encode() + b', "batch_data": ['

        def ask(rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
            reply = self._posted("/segment/mapping/", before + b",".join(rows) + b"]}")
            return reply, answered(reply, self._client.redact)

        return self._parts.send(batch, encoded, receipt, ask)

    def missing(self, lists: Collection[str]) -> set[str]:
        """Return those audiences that TikTok does not have, or not any more."""
        return self._lists.missing(lists)

    def look(self, syncs: "Sequence[SyncSpec]") -> Iterator[Look]:
        """Ask what the token may read: the login, the advertiser, its audiences."""
        ids = json.dumps([self._settings.advertiser_id])
        asked = [
            ("login", "/user/info/", {}, "Make a new access token."),
            ("advertiser", "/advertiser/info/", {"advertiser_ids": ids}, "Check advertiser_id."),
        ]
        if any(one.object == "custom_audiences" for one in syncs):
            fix = "Give the app the scope of audiences, then authorise it anew."
            asked.append(("audiences", "/dmp/custom_audience/list/", self._page(1), fix))
        for name, path, params, fix in asked:
            try:
                data = data_of(self._got(path, params), self._client.redact)
            except MadangError as error:
                yield Look(name, "problem", error.message, fix)
                continue
            if name == "advertiser" and not data.get("list"):
                yield Look(name, "problem", "the token is of another advertiser", fix)
            else:
                yield Look(name, "ok", "may be read")
        if any(one.object == "conversions" for one in syncs):
            yield Look("conversions", "ok", "cannot be asked about without sending one")

    def close(self) -> None:
        self._client.close()

    def _listed(self) -> list[tuple[str, str]]:
        """Return the advertiser's custom audiences: name and id."""
        found: list[tuple[str, str]] = []
        for page in range(1, MOST_PAGES + 1):
            reply = self._got("/dmp/custom_audience/list/", self._page(page))
            data = data_of(reply, self._client.redact)
            listed, about = data.get("list"), data.get("page_info")
            if not isinstance(listed, list) or not isinstance(about, dict):
                raise not_understood(reply)
            for one in listed:
                if isinstance(one, dict) and isinstance(one.get("audience_id"), str):
                    found.append((str(one.get("name")), one["audience_id"]))
            pages = about.get("total_page")
            if type(pages) is not int or page >= pages:
                return found
        return found

    def _made(self, called: str) -> str:
        wanted = {
            "advertiser_id": self._settings.advertiser_id,
            "custom_audience_name": called,
            "action": "create",
        }
        reply = self._posted("/segment/audience/", json.dumps(wanted).encode(), once=True)
        made = data_of(reply, self._client.redact).get("audience_id")
        if not isinstance(made, str) or not made.isdecimal():
            raise not_understood(reply)
        return made

    def _page(self, page: int) -> dict[str, str]:
        numbers = {"page": str(page), "page_size": str(PAGE)}
        return {"advertiser_id": self._settings.advertiser_id, **numbers}

    def _got(self, path: str, params: dict[str, str]) -> "Reply":
        return self._client.request("GET", self._root + path, params=params)

    def _posted(self, path: str, body: bytes, **options: Any) -> "Reply":
        headers = {"Content-Type": "application/json"}
        return self._client.request(
            "POST", self._root + path, headers=headers, data=body, **options
        )


def member(one: SyncObject, audience_id: str) -> bytes | None:
    """Return a member as it stands in a request, in the order of the schema; None for no hash."""
    kind, value = hash_of(one.key)
    if kind not in PLACES:
        return None
    row: list[dict[str, Any]] = [{} for _ in SCHEMA]
    row[PLACES[kind]] = {"id": value, "audience_ids": [audience_id]}
    return json.dumps(row, separators=(",", ":")).encode()


ENTRY = Entry(
    settings=TikTokSettings,
    objects={
        "custom_audiences": ObjectKind(
            "members",
            keys=("match_key",),
            field_problem=list_problem,
            options=ListOptions,
            least=(LEAST_SIZE, "TikTok does not advertise to it"),
        ),
        "conversions": ObjectKind("events", keys=("upload_key",), options=ConversionOptions),
    },
    destination=TikTok,
    sandbox="madang.sandbox.tiktok",
    api_version=lambda settings, workspace: settings.api_version,
)
