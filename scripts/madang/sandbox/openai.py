"""A local Ads API and Conversions API of OpenAI over real HTTP, strict to the contract.

Sources: [audiences] https://developers.openai.com/ads/custom-audiences
[account] https://developers.openai.com/ads/api-reference/ad-account
[events] see `openai_events`
Both APIs stand at one address here. Where the pages are silent the server is strict. Only this
machine can reach it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import SplitResult, parse_qs

from madang.sandbox import ad_platform, openai_events
from madang.sandbox.ad_platform import AdHandler, AdPlatform, json_object
from madang.sandbox.faults import Fault
from madang.sandbox.local import clock_of
from madang.settings import secrets as config_secrets
from madang.sync.clock import utc_now
from madang.sync.destinations.openai.destination import OpenAISettings

PAGE = 2  # audiences a page at most: whoever reads the first alone is found out
MOST_BYTES = 16 << 20  # [audiences]
HASH = re.compile(r"[0-9a-f]{64}")
KINDS = {"email_sha256": "email", "phone_number_sha256": "phone"}
AUDIENCE = re.compile(
    r"/v1/custom_audiences/(caud_\d+)(?:/(add|remove|operations/\w+(?:/resume)?))?"
)
DEMO_TOKEN = "demo-key-of-the-local-server"


class Refused(ad_platform.Refused):
    """An error: nothing of the request is processed. `errors` are (param, code, message)."""

    def __init__(
        self, status: int, code: str, message: str, errors: Sequence[tuple[str, str, str]] = ()
    ) -> None:
        told = [{"param": param, "code": why, "message": text} for param, why, text in errors]
        error: dict[str, Any] = {"message": message, "type": "invalid_request_error"}
        error |= {"code": code, "param": told[0]["param"] if told else None, "errors": told}
        super().__init__(status, {"error": error})


class OpenAISandbox(AdPlatform):
    """`audiences` are those of the account by id, `members` who is on each as kind:hash.

    `operations` are changes by id, `asked` their ids by idempotency key; each is looked at `looks`
    times before it is done, and those in `interrupted` wait to be resumed first. `refused` are
    hashes and ids of events that a request is refused for. `events` are those of the pixel by id.
    """

    def __init__(
        self,
        key: str = "sandbox-key",
        conversions_key: str = "sandbox-conversions-key",
        port: int = 0,
        state_path: Path | None = None,
        pixel: str = "LocalPixel01",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.key, self.conversions_key, self.pixel = key, conversions_key, pixel
        self.operations: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, str] = {}
        self.looks = 0
        self.interrupted: set[str] = set()
        self.refused: set[str] = set()
        self.checked = 0
        super().__init__(_Handler, port, state_path, now)

    def names(self) -> dict[str, Any]:
        return {key: one["name"] for key, one in self.audiences.items()}


class _Handler(AdHandler):
    sandbox: ClassVar[OpenAISandbox]

    def fail(self, faults: Mapping[str, Fault]) -> None:
        super().fail(faults)
        if "rate_limit" in faults:
            error = {"message": "Rate limit", "code": "rate_limit"}
            raise ad_platform.Refused(429, {"error": error})
        if "error_in_200" in faults:
            error = {"message": "No", "code": "no", "param": None}
            raise ad_platform.Refused(200, {"error": error})

    def check_sender(self, asked: SplitResult) -> None:
        """Each API has a key of its own, in a header and never in the address."""
        wanted = self.sandbox.conversions_key if asked.path == "/v1/events" else self.sandbox.key
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if "key" in asked.query:
            raise Refused(400, "unknown_parameter", "This server takes no key in an address.")
        if given != wanted:
            raise Refused(401, "invalid_api_key", f"Incorrect API key provided: {given}")

    def act(self, asked: SplitResult, content: bytes) -> tuple[Any, int]:
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        if self.command == "GET":
            return self._read(asked.path, query), 0
        found = AUDIENCE.fullmatch(asked.path)
        if found is not None and str(found[2]).endswith("/resume"):
            return self._resumed(found[2].split("/")[1]), 0
        if len(content) > MOST_BYTES:
            raise Refused(413, "request_too_large", "The body must fit within 16 MiB.")
        no_json = Refused(400, "invalid_json", "The body is no JSON object")
        body = json_object(content, no_json)
        if asked.path == "/v1/events" and query.keys() == {"pid"}:
            return self._told(query["pid"], body)
        if asked.path == "/v1/custom_audiences" and not query:
            return self._made(body), 0
        if found is not None and found[2] in ("add", "remove"):
            return self._changed(found[1], found[2], body)
        raise Refused(404, "not_found", "Not found")

    def _read(self, path: str, query: dict[str, str]) -> Any:
        if path == "/v1/ad_account" and not query:
            return {"id": "act_local", "name": "Local"}
        if path == "/v1/custom_audiences":
            return self._listed(query)
        found = AUDIENCE.fullmatch(path)
        if found is None or query:
            raise Refused(404, "not_found", "Not found")
        audience = self._audience(found[1])
        if found[2] is None:
            return audience
        return self._operation(found[2].partition("/")[2])

    def _listed(self, query: dict[str, str]) -> dict[str, Any]:
        if set(query) - {"limit", "after"} or not 1 <= int(query.get("limit", "20")) <= 500:
            raise Refused(400, "unknown_parameter", "Unknown parameter")
        ids = list(self.sandbox.audiences)
        first = ids.index(query["after"]) + 1 if "after" in query else 0
        shown = ids[first : first + min(PAGE, int(query.get("limit", "20")))]
        data = [self.sandbox.audiences[key] for key in shown]
        more = first + len(shown) < len(ids)
        return {"object": "list", "data": data, "has_more": more} | (
            {"first_id": shown[0], "last_id": shown[-1]} if shown else {}
        )

    def _made(self, body: dict[str, Any]) -> dict[str, Any]:
        """An empty audience; it is worked on before it is ready. [audiences]"""
        _only(body, {"name", "description"})
        if not isinstance(body.get("name"), str) or len(body["name"]) < 3:
            raise Refused(400, "invalid_name", "name has at least three characters")
        number = f"caud_{len(self.sandbox.audiences) + 1}"
        made = {"id": number, "name": body["name"], "status": "processing"}
        made |= {"matched_user_count_range": "none", "membership_revision": 0}
        self.sandbox.audiences[number], self.sandbox.members[number] = made, set()
        return made

    def _audience(self, number: str) -> dict[str, Any]:
        if number not in self.sandbox.audiences:
            raise Refused(404, "not_found", "Custom audience not found")
        audience = self.sandbox.audiences[number]
        shown = dict(audience)
        if audience["status"] == "processing":  # seen once more, it is ready
            audience["status"] = "ready"
        return shown

    def _changed(self, number: str, what: str, body: dict[str, Any]) -> tuple[Any, int]:
        """Take a change, or return the one of the same key. [audiences]"""
        audience = self.sandbox.audiences.get(number)
        if audience is None:
            raise Refused(404, "not_found", "Custom audience not found")
        key = self.headers.get("Idempotency-Key", "")
        if not key:
            raise Refused(400, "missing_idempotency_key", "Idempotency-Key is required")
        if key in self.sandbox.asked:
            return self._shown(self.sandbox.asked[key]), 0
        _only(body, {"identifiers", "expected_revision"})
        identifiers = body.get("identifiers")
        if not isinstance(identifiers, list) or not 0 < len(identifiers) <= 10_000:
            raise Refused(400, "invalid_identifiers", "1 to 10000 identifiers on the fast path")
        errors = [
            (f"identifiers[{at}].identifier", "invalid_identifier", f"Invalid identifier: {one}")
            for at, one in enumerate(identifiers)
            if not _is_good(one) or one["identifier"] in self.sandbox.refused
        ]
        if errors:
            raise Refused(400, "invalid_identifiers", "Invalid identifiers. See errors.", errors)
        if audience["status"] != "ready":
            raise Refused(409, "custom_audience_not_ready", "The audience is not ready")
        for other, one in self.sandbox.operations.items():
            if one["audience"] == number and one["status"] == "processing":
                self._operation(other)  # time passes, whether somebody looks at it or asks for more
                raise Refused(409, "custom_audience_mutation_conflict", "Another change is at work")
        made = f"caudop_{len(self.sandbox.operations) + 1}"
        keys = {f"{KINDS[one['identifier_type']]}:{one['identifier']}" for one in identifiers}
        self.sandbox.operations[made] = {
            "audience": number,
            "what": what,
            "keys": keys,
            "status": "processing",
            "left": self.sandbox.looks,
        }
        self.sandbox.asked[key] = made
        return self._shown(made), len(identifiers)

    def _operation(self, number: str) -> dict[str, Any]:
        one = self.sandbox.operations.get(number)
        if one is None:
            raise Refused(404, "not_found", "Operation not found")
        if number in self.sandbox.interrupted:
            code = "custom_audience_operation_recovery_required"
            raise Refused(409, code, "The operation was interrupted")
        if one["status"] == "processing" and one["left"] <= 0:
            is_removal = one["what"] == "remove"
            self.sandbox.change(one["audience"], one["keys"], is_removal=is_removal)
            one["status"] = "succeeded"
        one["left"] -= 1
        return self._shown(number)

    def _resumed(self, number: str) -> dict[str, Any]:
        self.sandbox.interrupted.discard(number)
        return self._shown(number)

    def _shown(self, number: str) -> dict[str, Any]:
        one = self.sandbox.operations[number]
        told = {"operation_id": number, "custom_audience_id": one["audience"]}
        return told | {"operation": one["what"], "status": one["status"]}

    def _told(self, pixel: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Take events, all or none; the first of an id and type counts. [events]"""
        _only(body, {"validate_only", "events"})
        if pixel != self.sandbox.pixel:
            raise Refused(404, "pixel_not_found", "Pixel not found")
        events = body.get("events")
        if not isinstance(events, list) or not 0 < len(events) <= openai_events.MOST_EVENTS:
            raise Refused(400, "invalid_events", "events must have 1 to 1000 events")
        errors = []
        for at, one in enumerate(events):
            found = openai_events.problem_of(one, self.sandbox.now())
            if found is None and one["id"] in self.sandbox.refused:
                found = ("user", "invalid_user", f"Invalid user {one.get('user')}")
            if found is not None:
                errors.append((f"events[{at}].{found[0]}".rstrip("."), *found[1:]))
        if errors:
            message = f"Invalid event at {errors[0][0]}. See errors for details."
            raise Refused(400, "invalid_event", message, errors)
        if body.get("validate_only"):
            self.sandbox.checked += len(events)
        else:
            for one in events:
                double = (one["type"], one["id"])
                self.sandbox.repeats.note(double, self.sandbox.now(), None)
                self.sandbox.events.setdefault(one["id"], one)
        return {"accepted_events": len(events)}, len(events)


def _is_good(one: Any) -> bool:
    is_shaped = isinstance(one, dict) and set(one) == {"identifier_type", "identifier"}
    return is_shaped and one["identifier_type"] in KINDS and bool(HASH.fullmatch(one["identifier"]))


def _only(body: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(body) - known):
        raise Refused(400, "unknown_parameter", f"Unknown parameter: {unknown[0]}")


@contextmanager
def served(
    settings: OpenAISettings, folder: Path, customers: Sequence[str]
) -> Iterator[OpenAISettings]:
    """Serve a company's OpenAI for the demo; give the settings that lead to it."""
    sandbox = OpenAISandbox(
        config_secrets.hold(settings.key_env, DEMO_TOKEN),
        config_secrets.hold(settings.conversions_key_env, DEMO_TOKEN),
        state_path=folder / "sandbox-openai.json",
        pixel=settings.pixel_id or "LocalPixel01",
        now=clock_of(folder),
    )
    with sandbox:
        yield settings.model_copy(update={"url": sandbox.url, "events_url": sandbox.url})
