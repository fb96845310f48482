"""A local Measurement Protocol of GA4 over real HTTP: its live and its validation address.

Sources: [events] https://developers.google.com/analytics/devguides/collection/protocol/ga4/sending-events
[validate] https://developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events
The live address answers 204 to everything; only what is right and enforced is kept. Where the pages
are silent the server is strict. Only this machine can reach it.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from madang.sandbox.local import LocalHandler, LocalServer, clock_of
from madang.settings import secrets as config_secrets
from madang.sync.clock import utc_now
from madang.sync.destinations.ga4 import Ga4Settings

LIVE, DEBUG = "/mp/collect", "/debug/mp/collect"
MOST_EVENTS, MOST_PARAMS, MOST_BYTES, LONGEST_VALUE = 25, 25, 130_000, 100  # [events]
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")  # [events]
BODY = {"client_id", "consent", "validation_behavior", "events", "timestamp_micros", "user_id"}
STATUSES = {"GRANTED", "DENIED"}
HOURS = 72  # [events] how far back an event may lie
DEMO_SECRET = "demo-secret-of-the-local-server"


class Ga4Sandbox(LocalServer):
    """`events` are those that count, with their client id. `now` is its clock."""

    def __init__(
        self,
        measurement_id: str = "G-LOCAL1",
        secret: str = "sandbox-secret",
        port: int = 0,
        state_path: Path | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.measurement_id, self.secret, self.now = measurement_id, secret, now
        self.events: list[dict[str, Any]] = []
        self._state_path = state_path
        if state_path is not None and state_path.exists():
            self.events = json.loads(state_path.read_text())
        super().__init__(_Handler, port)

    def close(self) -> None:
        if self._state_path is not None:
            self._state_path.write_text(json.dumps(self.events))


class _Handler(LocalHandler):
    sandbox: ClassVar[Ga4Sandbox]

    def do_POST(self) -> None:
        content, sandbox = self.body(), self.sandbox
        asked = urlsplit(self.path)
        part = "debug" if asked.path == DEBUG else "live"
        faults = {fault.kind: fault for fault in sandbox.faults.next({part})}
        if "slow" in faults:
            time.sleep(faults["slow"].seconds)
        if "drop_before" in faults:
            return self.drop("drop_before")
        if "status" in faults:
            return self.answer(faults["status"].status, "<html>Sorry</html>")
        if asked.path not in (LIVE, DEBUG):
            return self.answer(404, {})
        query = {key: values[0] for key, values in parse_qs(asked.query).items()}
        messages = problems_of(content, sandbox.now())
        if asked.path == DEBUG:  # [validate]: it does not look at the secret
            return self.answer(200, {"validationMessages": messages})
        given = (query.get("measurement_id"), query.get("api_secret"))
        if not messages and given == (sandbox.measurement_id, sandbox.secret):
            body = json.loads(content)
            for one in body["events"]:  # [events] it knows no doubles: each counts
                event = (body["client_id"], json.dumps(one, sort_keys=True))
                sandbox.repeats.note(event, sandbox.now(), timedelta(0))
            sandbox.events += [{"client_id": body["client_id"], **one} for one in body["events"]]
        if "drop_after" in faults:
            return self.drop("drop_after")
        return self.answer(204, {}, objects=1)


def problems_of(content: bytes, now: datetime) -> list[dict[str, str]]:
    """Say what is wrong with a request, as the validation address does. [validate]"""
    if len(content) > MOST_BYTES:
        return [_problem("", "VALUE_INVALID", "The body is too large.")]
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return [_problem("", "VALUE_INVALID", "Unable to parse Measurement Protocol JSON payload.")]
    if unknown := sorted(set(body) - BODY):
        text = (
            f"Unable to parse Measurement Protocol JSON payload. {unknown[0]}: Cannot find field."
        )
        return [_problem(unknown[0], "VALUE_INVALID", text)]
    if not isinstance(body.get("client_id"), str) or not body["client_id"]:
        return [_problem("client_id", "VALUE_REQUIRED", "Measurement requires a client_id.")]
    if body.get("validation_behavior") != "ENFORCE_RECOMMENDATIONS":
        return [_problem("validation_behavior", "VALUE_INVALID", "Always enforce.")]
    consent = body.get("consent", {})
    if not isinstance(consent, dict) or not {*map(str, consent.values())} <= STATUSES:
        return [_problem("consent", "VALUE_INVALID", "The consent is invalid.")]
    events = body.get("events")
    if not isinstance(events, list) or not 0 < len(events) <= MOST_EVENTS:
        return [_problem("events", "VALUE_OUT_OF_BOUNDS", "1 to 25 events.")]
    return [found for one in events if (found := _problem_of(one, now))]


def _problem_of(event: Any, now: datetime) -> dict[str, str] | None:
    if not isinstance(event, dict) or set(event) - {"name", "params", "timestamp_micros"}:
        return _problem("events", "VALUE_INVALID", "The event has an unknown field.")
    name, params = event.get("name"), event.get("params", {})
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return _problem("events.name", "NAME_INVALID", "The name is invalid.")
    if not isinstance(params, dict) or len(params) > MOST_PARAMS:
        return _problem("events.params", "VALUE_OUT_OF_BOUNDS", "At most 25 parameters.")
    for key, value in params.items():
        if not NAME.fullmatch(key):
            return _problem("events.params", "NAME_INVALID", "The name of a parameter is invalid.")
        if len(str(value)) > LONGEST_VALUE:
            return _problem("events.params", "EXCEEDED_MAX_ENTITIES", f"{key} is too long.")
    if name in ("purchase", "refund") and not params.get("transaction_id"):
        return _problem("events.params", "VALUE_REQUIRED", "transaction_id is required.")
    if "value" in params and type(params["value"]) not in (int, float):
        return _problem("events.params", "VALUE_INVALID", "value is no number.")
    if "value" in params and not re.fullmatch(r"[A-Z]{3}", str(params.get("currency"))):
        return _problem("events.params", "VALUE_REQUIRED", "currency is required with value.")
    micros = event.get("timestamp_micros")
    age = now.timestamp() - micros / 1e6 if type(micros) is int else float("inf")
    if not -60 <= age <= HOURS * 3600:
        return _problem("events.timestamp_micros", "VALUE_OUT_OF_BOUNDS", "Older than 72 hours.")
    return None


def _problem(path: str, code: str, text: str) -> dict[str, str]:
    return {"fieldPath": path, "description": text, "validationCode": code}


@contextmanager
def served(settings: Ga4Settings, folder: Path, customers: Sequence[str]) -> Iterator[Ga4Settings]:
    """Serve a company's GA4 for the demo; give the settings that lead to it."""
    secret = config_secrets.hold(settings.secret_env, DEMO_SECRET)
    state, now = folder / "sandbox-ga4.json", clock_of(folder)
    with Ga4Sandbox(settings.measurement_id, secret, 0, state, now) as sandbox:
        yield settings.model_copy(update={"url": sandbox.url})
