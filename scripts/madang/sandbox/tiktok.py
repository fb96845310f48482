"""A local Business API: custom audiences, members, events over real HTTP, strict to the contract.

Sources: [codes] https://business-api.tiktok.com/portal/docs?id=1737172488964097
[audience] https://business-api.tiktok.com/portal/docs?id=1739940572667906 (the action is said)
[event] see `tiktok_events`
[double] https://ads.tiktok.com/help/article/event-deduplication
[read] segment/audience and segment/mapping, as published connectors call them
Every answer has HTTP 200; the code says what became of the request. Where the pages are silent the
server is strict. Only this machine can reach it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import SplitResult, parse_qs

from madang.sandbox import ad_platform, tiktok_events
from madang.sandbox.ad_platform import AdHandler, AdPlatform, json_object
from madang.sandbox.faults import Fault
from madang.sandbox.local import clock_of
from madang.sandbox.repeats import TWO_DAYS
from madang.settings import secrets as config_secrets
from madang.sync.clock import utc_now
from madang.sync.destinations.tiktok.destination import MEMBERS_LIMIT, TikTokSettings

ROOT = "/open_api/v1.3"
PAGE = 2  # audiences a page at most: whoever reads the first alone is found out
HASH = re.compile(r"[0-9a-f]{64}")
KINDS = {"EMAIL_SHA256": "email", "PHONE_SHA256": "phone"}
DEMO_TOKEN = "demo-token-of-the-local-server"


class Refused(ad_platform.Refused):
    """An answer with a code that means no: nothing of the request is processed. [codes]"""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(200, _told(code, message, {}))


class TikTokSandbox(AdPlatform):
    """`audiences` are names by id, `members` who is on each as kind:hash.

    `refused` are hashes and ids of events for which a request is refused whole; `partly` those that
    are passed over, and the rest of the request is taken. `scopes` are what the token may do.
    `events` are those that count, by source and id, `tests` those with a test code. `now` is its
    clock.
    """

    def __init__(
        self,
        advertiser: str = "7000000000000000001",
        token: str = "sandbox-token",
        port: int = 0,
        state_path: Path | None = None,
        event_set: str = "8000000000000000001",
        pixel: str = "LOCALPIXEL0001",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.advertiser, self.token = advertiser, token
        self.sources = {"offline": event_set, "web": pixel}
        self.scopes = {"audiences", "events"}
        self.tests: list[dict[str, Any]] = []
        self.refused: set[str] = set()
        self.partly: set[str] = set()
        super().__init__(_Handler, port, state_path, now)


class _Handler(AdHandler):
    sandbox: ClassVar[TikTokSandbox]

    def fail(self, faults: Mapping[str, Fault]) -> None:
        super().fail(faults)
        if "rate_limit" in faults:
            raise Refused(40100, "Too many requests. Please retry in some time.")
        if "transient" in faults:
            raise Refused(40700, "Internal service timed out. Please retry in sometime.")
        if "error_in_200" in faults:
            raise Refused(faults["error_in_200"].status, "The request is refused")

    def check_sender(self, asked: SplitResult) -> None:
        """The token stands in a header, never in the address, which logs keep."""
        if "oken" in asked.query:
            raise Refused(40002, "This server takes no token in an address.")
        given = self.headers.get("Access-Token", "")
        if given != self.sandbox.token:
            raise Refused(40105, f"Access token is incorrect or has been revoked: {given}")

    def act(self, asked: SplitResult, content: bytes) -> tuple[dict[str, Any], int]:
        if not asked.path.startswith(f"{ROOT}/"):
            raise Refused(40000, "This version of the API is not there.")
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        path = asked.path.removeprefix(ROOT)
        if self.command == "GET":
            return _told(0, "OK", self._read(path, query)), 0
        if self.headers.get("Content-Type") != "application/json":
            raise Refused(40002, "Content-Type must be application/json")
        body = json_object(content, Refused(40002, "The body is no JSON object"))
        if path == "/segment/audience/":
            return _told(0, "OK", self._made(body)), 0
        if path not in ("/segment/mapping/", "/event/track/"):
            raise Refused(40000, "The endpoint is not there.")
        change = self._changed if path == "/segment/mapping/" else self._tracked
        objects, is_partial = change(body)
        return _told(*((20001, "Partial success") if is_partial else (0, "OK")), {}), objects

    def _read(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path == "/user/info/" and not query:
            return {"display_name": "Local"}
        if path == "/advertiser/info/" and query.keys() == {"advertiser_ids"}:
            wanted = json.loads(query["advertiser_ids"])
            ours = [one for one in wanted if one == self.sandbox.advertiser]
            return {"list": [{"advertiser_id": one, "name": "Local"} for one in ours]}
        if path == "/dmp/custom_audience/list/":
            return self._listed(query)
        raise Refused(40002, "Unknown endpoint or parameter.")

    def _listed(self, query: dict[str, str]) -> dict[str, Any]:
        _only(query, {"advertiser_id", "page", "page_size"})
        self._may("audiences", query.get("advertiser_id"))
        page, size = int(query.get("page", "1")), min(PAGE, int(query.get("page_size", "10")))
        ids = list(self.sandbox.audiences)
        listed = [
            {"audience_id": key, "name": self.sandbox.audiences[key], "audience_type": "Segment"}
            for key in ids[(page - 1) * size : page * size]
        ]
        pages = {"page": page, "page_size": size, "total_number": len(ids)}
        return {"list": listed, "page_info": pages | {"total_page": -(-len(ids) // size)}}

    def _made(self, body: dict[str, Any]) -> dict[str, str]:
        """[read]"""
        _only(body, {"advertiser_id", "custom_audience_name", "action"})
        self._may("audiences", body.get("advertiser_id"))
        name = body.get("custom_audience_name")
        if body.get("action") != "create" or not isinstance(name, str) or not 0 < len(name) <= 70:
            raise Refused(40002, "action must be create; custom_audience_name has 1 to 70 letters")
        number = str(9_000_000_000_000_000_000 + len(self.sandbox.audiences))
        self.sandbox.audiences[number], self.sandbox.members[number] = name, set()
        return {"audience_id": number}

    def _changed(self, body: dict[str, Any]) -> tuple[int, bool]:
        """Add members or remove them; the action is always said. [read] [audience]"""
        _only(body, {"advertiser_ids", "action", "id_schema", "batch_data"})
        advertisers, action = body.get("advertiser_ids"), body.get("action")
        if not isinstance(advertisers, list) or len(advertisers) != 1:
            raise Refused(40002, "advertiser_ids must be a list of one")
        self._may("audiences", advertisers[0])
        if action not in ("add", "delete"):
            raise Refused(40002, "action must be add or delete")
        schema, rows = body.get("id_schema"), body.get("batch_data")
        if not isinstance(schema, list) or not schema or not set(schema) <= KINDS.keys():
            raise Refused(40002, "id_schema is invalid")
        if not isinstance(rows, list) or not 0 < len(rows) <= MEMBERS_LIMIT:
            raise Refused(40002, "batch_data is invalid")
        changes = [change for row in rows for change in self._changes(schema, row)]
        if self.sandbox.refused & {key.partition(":")[2] for _, key in changes}:
            raise Refused(40002, f"Invalid id: {changes[0][1]}")
        is_partial = False
        for number, key in changes:
            if key.partition(":")[2] in self.sandbox.partly:
                is_partial = True
                continue
            self.sandbox.change(number, {key}, is_removal=action == "delete")
        return len(rows), is_partial

    def _changes(self, schema: list[str], row: Any) -> list[tuple[str, str]]:
        if not isinstance(row, list) or len(row) != len(schema) or not any(row):
            raise Refused(40002, "A row must have an object for each id of id_schema")
        found = []
        for kind, one in zip(schema, row, strict=True):
            if one == {}:
                continue
            if not isinstance(one, dict) or set(one) != {"id", "audience_ids"}:
                raise Refused(40002, "A member has id and audience_ids")
            if not HASH.fullmatch(str(one["id"])):
                raise Refused(40002, "An id is no SHA-256 hash")
            for number in one["audience_ids"]:
                if number not in self.sandbox.audiences:
                    raise Refused(40002, "There is no such audience")
                found.append((number, f"{KINDS[kind]}:{one['id']}"))
        return found

    def _tracked(self, body: dict[str, Any]) -> tuple[int, bool]:
        """Take events; the first of an id and name counts, for 48 hours. [event] [double]

        A test counts nowhere.
        """
        _only(body, {"event_source", "event_source_id", "data", "test_event_code"})
        self._may("events", self.sandbox.advertiser)
        source = str(body.get("event_source"))
        if self.sandbox.sources.get(source) != body.get("event_source_id"):
            raise Refused(40002, "event_source_id is not of this event_source")
        events = body.get("data")
        if not isinstance(events, list) or not 0 < len(events) <= tiktok_events.MOST_EVENTS:
            raise Refused(40002, "data must have 1 to 1000 events")
        for at, one in enumerate(events):
            problem = tiktok_events.problem_of(one, source, self.sandbox.now())
            if problem is None and one["event_id"] in self.sandbox.refused:
                problem = f"user is invalid: {one['user']}"
            if problem is not None:
                raise Refused(40002, f"data.{at}: {problem}")
        if "test_event_code" in body:
            self.sandbox.tests += events
            return len(events), False
        passed = [one for one in events if one["event_id"] in self.sandbox.partly]
        for one in events:
            if one not in passed:
                double = (source, one["event"], one["event_id"])
                self.sandbox.repeats.note(double, self.sandbox.now(), TWO_DAYS)
                self.sandbox.events.setdefault(one["event_id"], {**one, "event_source": source})
        return len(events), bool(passed)

    def _may(self, scope: str, advertiser: Any) -> None:
        if scope not in self.sandbox.scopes or advertiser != self.sandbox.advertiser:
            raise Refused(40001, "No permission to operate the advertiser or the scope is missing")


def _told(code: int, message: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": "local", "data": data}


def _only(body: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(body) - known):
        raise Refused(40002, f"{unknown[0]}: Unknown field")


@contextmanager
def served(
    settings: TikTokSettings, folder: Path, customers: Sequence[str]
) -> Iterator[TikTokSettings]:
    """Serve a company's TikTok for the demo; give the settings that lead to it."""
    token = config_secrets.hold(settings.token_env, DEMO_TOKEN)
    sandbox = TikTokSandbox(
        settings.advertiser_id,
        token,
        state_path=folder / "sandbox-tiktok.json",
        event_set=settings.event_set_id or "8000000000000000001",
        pixel=settings.pixel_code or "LOCALPIXEL0001",
        now=clock_of(folder),
    )
    with sandbox:
        yield settings.model_copy(update={"url": sandbox.url})
