"""A local Marketing API: custom audiences, members, events over real HTTP, strict to the contract.

Sources: [users] https://developers.facebook.com/docs/marketing-api/reference/custom-audience/users
[api] https://developers.facebook.com/docs/marketing-api/custom-audience-api
[errors] https://developers.facebook.com/docs/marketing-api/error-reference
[versions] https://developers.facebook.com/docs/graph-api/changelog/versions
[double] https://developers.facebook.com/docs/marketing-api/conversions-api/deduplicate-pixel-and-server-events
[events]: see `meta_events`
Where the pages are silent the server is strict. Only this machine can reach it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import SplitResult, parse_qs

from madang.sandbox import ad_platform, meta_events
from madang.sandbox.ad_platform import AdHandler, AdPlatform, json_object
from madang.sandbox.faults import Fault
from madang.sandbox.local import clock_of
from madang.sandbox.repeats import TWO_DAYS
from madang.settings import secrets as config_secrets
from madang.sync.clock import utc_now
from madang.sync.destinations.meta.audiences import BOUNDS
from madang.sync.destinations.meta.destination import COLUMNS, MetaSettings

VERSIONS = frozenset({"v23.0", "v24.0", "v25.0", "v26.0"})  # [versions] that live in 2027
MOST_ROWS = 10_000  # [users]
PAGE = 2  # audiences a page: small, so that whoever reads the first alone is found out
HASH = re.compile(r"[0-9a-f]{64}")
PARTS = ("users", "events")
DEMO_TOKEN = "demo-token-of-the-local-server"


class Refused(ad_platform.Refused):
    """An error: nothing of the request is processed. [errors]"""

    def __init__(self, code: int, message: str, subcode: int | None = None) -> None:
        error = {"message": message, "type": "OAuthException", "code": code}
        error |= {"error_subcode": subcode} if subcode else {}
        super().__init__(400, {"error": error | {"fbtrace_id": "local"}})


class MetaSandbox(AdPlatform):
    """`audiences` are names by id, `members` who is on each as kind:hash. `told` is what else Meta
    says of an audience, by id, such as its subtype. Those in `blocked` take no members.

    `invalid` hashes are counted and passed over, as Meta does without saying which. `events` are
    those of the dataset by id, and `refused` the ids that it refuses. `now` is its clock.
    """

    def __init__(
        self,
        account: str = "1234567890",
        token: str = "sandbox-token",
        port: int = 0,
        state_path: Path | None = None,
        dataset: str = "55555",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.account, self.token, self.dataset = account, token, dataset
        self.refused: set[str] = set()
        self.told: dict[str, dict[str, Any]] = {}
        self.blocked: set[str] = set()
        self.invalid: set[str] = set()
        super().__init__(_Handler, port, state_path, now)


class _Handler(AdHandler):
    sandbox: ClassVar[MetaSandbox]

    def do_DELETE(self) -> None:
        self._handle()

    def part(self, path: str) -> str:
        part = super().part(path)
        return part if part in PARTS else "audiences"

    def fail(self, faults: Mapping[str, Fault]) -> None:
        super().fail(faults)
        if "rate_limit" in faults:
            raise Refused(80003, "There have been too many calls to this ad-account.")
        if "error_in_200" in faults:
            error = {"message": "Invalid request", "code": faults["error_in_200"].status}
            raise ad_platform.Refused(200, {"error": error})
        if "transient" in faults:
            raise Refused(2, "Service temporarily unavailable")

    def check_sender(self, asked: SplitResult) -> None:
        """The token stands in a header, never in the address, which logs keep."""
        if "access_token" in asked.query:
            raise Refused(100, "This server takes no token in an address.")
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given != self.sandbox.token:
            raise Refused(190, f"Invalid OAuth access token: {given}", 463)

    def act(self, asked: SplitResult, content: bytes) -> tuple[Any, int]:
        _, version, *rest = asked.path.split("/")
        if version not in VERSIONS:
            raise Refused(2635, "You are calling a deprecated version of the API.")
        if rest == [f"act_{self.sandbox.account}", "customaudiences"]:
            if self.command == "GET":
                return self._listed(parse_qs(asked.query)), 0
            if self.command == "POST":
                return self._made(_json(content)), 0
        if rest == [self.sandbox.dataset, "events"] and self.command == "POST":
            return self._told(_json(content))
        is_known = len(rest) == 2 and rest[1] == "users" and rest[0] in self.sandbox.audiences
        if is_known and self.command in ("POST", "DELETE"):
            return self._changed(rest[0], _json(content))
        message = "Unsupported request: the object does not exist or permissions are missing."
        raise Refused(100, message, 33)

    def _listed(self, query: dict[str, list[str]]) -> dict[str, Any]:
        if set(query) - {"fields", "limit", "after"}:
            raise Refused(100, "Unknown parameter")
        first = int(query.get("after", ["0"])[0])
        fields = query.get("fields", ["id"])[0].split(",")
        if set(fields) - {"id", "name", "subtype", "operation_status", *BOUNDS}:
            raise Refused(100, "(#100) Tried accessing nonexisting field")
        usual = {"subtype": "CUSTOM", "operation_status": {"code": 200, "description": "Normal"}}
        whole = [
            {
                **{"id": key, "name": name, **usual},
                **_size(len(self.sandbox.members[key])),
                **self.sandbox.told.get(key, {}),
            }
            for key, name in self.sandbox.audiences.items()
        ]
        listed = [{name: one[name] for name in {"id", *fields}} for one in whole]
        told: dict[str, Any] = {"data": listed[first : first + PAGE]}
        if told["data"]:
            told["paging"] = {"cursors": {"before": str(first), "after": str(first + PAGE)}}
            if first + PAGE < len(listed):
                told["paging"]["next"] = "https://graph.facebook.com/next"
        return told

    def _made(self, body: dict[str, Any]) -> dict[str, str]:
        _only(body, {"name", "subtype", "description", "customer_file_source"})
        if not body.get("name") or body.get("subtype") != "CUSTOM":
            raise Refused(100, "(#100) name and subtype are required")
        if body.get("customer_file_source") != "USER_PROVIDED_ONLY":
            raise Refused(100, "(#100) customer_file_source is required")
        number = str(6_000_000_000 + len(self.sandbox.audiences))
        self.sandbox.audiences[number] = body["name"]
        self.sandbox.members[number] = set()
        return {"id": number}

    def _changed(self, number: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """[users]"""
        if number in self.sandbox.blocked:
            raise Refused(100, "This audience may violate our terms.", 1713230)
        _only(body, {"payload", "session"})
        session, payload = body.get("session"), body.get("payload")
        wanted = {"session_id", "batch_seq", "last_batch_flag", "estimated_num_total"}
        if not isinstance(session, dict) or set(session) != wanted:
            raise Refused(100, "(#100) session is not valid")
        if not isinstance(session["session_id"], int) or not 0 < session["session_id"] < 2**63:
            raise Refused(100, "(#100) session_id must be a positive 64-bit integer")
        if not isinstance(payload, dict) or set(payload) != {"schema", "data"}:
            raise Refused(100, "(#100) payload must have schema and data")
        if payload["schema"] != list(COLUMNS):
            raise Refused(2650, "Failed to update the custom audience")
        rows = payload["data"]
        if not isinstance(rows, list) or not 0 < len(rows) <= MOST_ROWS:
            raise Refused(100, "(#100) data must have 1 to 10000 rows")
        keys: set[str] = set()
        invalid = 0
        for row in rows:
            if not isinstance(row, list) or len(row) != len(COLUMNS):
                raise Refused(100, "(#100) a row must have a value for each column of the schema")
            found = self._keys(row)
            invalid += not found
            keys |= found
        self.sandbox.change(number, keys, is_removal=self.command == "DELETE")
        told = {"audience_id": number, "session_id": str(session["session_id"])}
        told |= {"num_received": len(rows), "num_invalid_entries": invalid}
        return {**told, "invalid_entry_samples": {}}, len(rows)

    def _told(self, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Take events, all or none; the first of an id and name counts, for 48 hours. [double]"""
        _only(body, {"data", "test_event_code"})
        events = body.get("data")
        if not isinstance(events, list) or not 0 < len(events) <= meta_events.MOST_EVENTS:
            raise Refused(100, "(#100) data must have 1 to 1000 events")
        for one in events:
            problem = meta_events.problem_of(one, self.sandbox.now())
            if problem is None and one["event_id"] in self.sandbox.refused:
                problem = (2804001, f"Invalid parameter for {one['user_data']}")
            if problem is not None:
                raise Refused(100, f"(#100) {problem[1]}", problem[0])
        now = self.sandbox.now()
        for one in events:
            self.sandbox.repeats.note((one["event_name"], one["event_id"]), now, TWO_DAYS)
            self.sandbox.events.setdefault(one["event_id"], one)
        told = {"events_received": len(events), "messages": [], "fbtrace_id": "local"}
        return told, len(events)

    def _keys(self, row: list[Any]) -> set[str]:
        """The member's keys; none where a value is no hash: then Meta counts it as invalid."""
        keys = set()
        for name, value in zip(COLUMNS, row, strict=True):
            if value == "":
                continue
            is_hash = isinstance(value, str) and HASH.fullmatch(value)
            if not is_hash or value in self.sandbox.invalid:
                return set()
            keys.add(f"{name.lower()}:{value}")
        return keys


def _size(people: int) -> dict[str, int]:
    """The bounds of an audience's size; below zero where it is small. Where they lie is ours."""
    low = people // 100 * 100
    return dict(zip(BOUNDS, (low, low + 100) if people >= 100 else (-1, -1), strict=True))


def _json(content: bytes) -> dict[str, Any]:
    return json_object(content, Refused(100, "(#100) the body is no JSON object"))


def _only(body: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(body) - known):
        raise Refused(100, f"(#100) Unknown parameter {unknown[0]}")


@contextmanager
def served(
    settings: MetaSettings, folder: Path, customers: Sequence[str]
) -> Iterator[MetaSettings]:
    """Serve a company's Meta for the demo; give the settings that lead to it."""
    token = config_secrets.hold(settings.token_env, DEMO_TOKEN)
    state = folder / "sandbox-meta.json"
    dataset, now = settings.dataset_id or "55555", clock_of(folder)
    with MetaSandbox(settings.ad_account_id, token, 0, state, dataset, now) as sandbox:
        yield settings.model_copy(update={"url": sandbox.url})
