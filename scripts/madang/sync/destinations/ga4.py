"""GA4: verified conversions and refunds, through the Measurement Protocol.

The contract, with the vendor's pages:
- https://developers.google.com/analytics/devguides/collection/protocol/ga4/sending-events (names,
  lengths, consent; what is older than 72 hours is moved, or refused with ENFORCE_RECOMMENDATIONS)
- https://developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events

The live address answers 2xx to everything, also to a wrong secret, and does not tell doubles. So an
event is asked about at the validation address first (the first good one of each name in a run), and
one without an answer is never sent again. The secret stands in the address, because GA4 takes it
nowhere else; it is in no error and no log.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.specs.strict import EnvironmentName, HttpAddress, Strict, matching
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import (
    ACCEPTED,
    Batch,
    DestinationSettings,
    Entry,
    ObjectKind,
    Opening,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.reports import Report, ReportOptions, read_report, unknown_type
from madang.sync.destinations.rows import WrongRow, as_it_is, compact, not_sent
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

OLDEST = 72 * 3600  # seconds; GA4 moves what is older
CLIENT_ID = re.compile(r"\d{1,20}\.\d{1,20}")
GRANTED = {"ad_user_data": "GRANTED", "ad_personalization": "GRANTED"}
PURCHASE = "purchase"  # the one event that GA4 can take back


class Ga4Settings(DestinationSettings):
    """One web data stream; its secret for the Measurement Protocol is in the environment."""

    measurement_id: Annotated[
        str, matching(r"G-[A-Z0-9]{4,20}", "a measurement id, such as G-ABC1")
    ]
    secret_env: EnvironmentName = "MADANG_GA4_SECRET"
    url: HttpAddress = "https://www.google-analytics.com"
    timeout_seconds: Annotated[float, Field(gt=0)] = 30


class ConversionEvent(Strict):
    """What a type is called in GA4. A name that the website sends, too, counts twice there."""

    name: Annotated[
        str, matching(r"[A-Za-z][A-Za-z0-9_]{0,39}", "a name of a GA4 event (letters, digits, _)")
    ]


class ConversionOptions(ReportOptions):
    """`conversions`: the types that are reported, each with its event."""

    conversions: Annotated[dict[str, ConversionEvent], Field(min_length=1)]


class Ga4:
    """Events of one web data stream, one a request: a request is of one device."""

    objects_per_request = 1

    @classmethod
    def open(cls, opening: Opening) -> "Ga4":
        """Raises ConfigError where the secret is missing."""
        from madang.http.auth import Query

        secret = opening.secret("secret_env", "an API secret of the data stream")
        settings: Ga4Settings = opening.settings
        auth = Query({"measurement_id": settings.measurement_id}, "api_secret", secret)
        client = opening.client("GA4", auth, "Check status.cloud.google.com.")
        options = opening.options or ConversionOptions.model_construct(conversions={})
        return cls(client, options, opening.now())

    def __init__(self, client: "Client", options: ConversionOptions, now: datetime) -> None:
        self._client = client
        self._events = options.conversions
        self._now = now
        self._good: set[str] = set()

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Give each event a request of its own."""
        for one in objects:
            yield Batch((one,), (as_it_is(one),))

    def send(self, batch: Batch) -> Receipt:
        """Send an event, unless something is wrong with it. Raises DestinationUnclear."""
        (one,) = batch.objects
        field = one.changes[0].field
        try:
            if field not in self._events:
                raise unknown_type(field, self._events)
            report = read_report(one, "GA4", (), self._now)
            name, body = request(report, self._events[field].name)
            if name not in self._good:
                self._validate(body)
                self._good.add(name)
        except WrongRow as wrong:
            return Receipt({one.number: not_sent(str(wrong))})
        reply = self._client.post("/mp/collect", body)
        if 400 <= reply.status < 500:
            raise DestinationRefused(
                f"GA4 refuses the request (HTTP {reply.status}).",
                fix="Check the URL and the measurement_id in madang.yml.",
            )
        if not reply.is_good:
            raise _not_understood(reply, "it is not sent again.")
        return Receipt({one.number: ACCEPTED}, reply.status, reply.attempts)

    def close(self) -> None:
        self._client.close()

    def _validate(self, body: bytes) -> None:
        """Ask whether GA4 would take an event; nothing is counted there. Raises WrongRow."""
        headers = {"Content-Type": "application/json"}
        reply = self._client.request("POST", "/debug/mp/collect", data=body, headers=headers)
        messages = (reply.body or {}).get("validationMessages")
        if not reply.is_good or not isinstance(messages, list):
            # sure: nothing was sent to be counted
            raise DestinationRefused(
                f"The validation address answered {reply.status}, but not as GA4 does.",
                fix="Check the URL in madang.yml: it may be a proxy's.",
            )
        told = [str(one.get("description")) for one in messages if isinstance(one, dict)]
        if messages:
            words = self._client.redact("; ".join(told) or "no description")
            raise WrongRow(f"GA4 would not take it: {harmless(words)}")


def request(report: Report, name: str) -> tuple[str, bytes]:
    """Return an event's name and its request. Raises WrongRow."""
    if report.operation not in ("conversion", "retraction"):
        raise WrongRow("GA4 takes no change of a value, only refunds.")
    if report.operation == "retraction" and name != PURCHASE:
        raise WrongRow(f"GA4 takes back a {PURCHASE} only, by a refund.")
    if report.device_id is None or not CLIENT_ID.fullmatch(report.device_id):
        raise WrongRow("It has no client id of the website.")
    if report.age > OLDEST:
        raise WrongRow("It is older than 72 hours, and GA4 would give it another moment.")
    params: dict[str, Any] = {"transaction_id": report.transaction_id}
    if report.value is not None:
        params |= {"value": report.value, "currency": report.currency}
    event = {
        "name": "refund" if report.operation == "retraction" else name,
        "params": params,
        "timestamp_micros": report.happened,
    }
    body = {
        "client_id": report.device_id,
        "consent": GRANTED,  # only who allowed advertising is sent
        "validation_behavior": "ENFORCE_RECOMMENDATIONS",
        "events": [event],
    }
    return event["name"], compact(body).encode()


def _not_understood(reply: "Reply", then: str) -> DestinationUnclear:
    return DestinationUnclear(
        f"This address answered {reply.status}, but not as GA4 does.",
        fix=f"Check the URL in madang.yml. What this request held may have arrived or not; {then}",
    )


ENTRY = Entry(
    settings=Ga4Settings,
    objects={"conversions": ObjectKind("events", keys=("upload_key",), options=ConversionOptions)},
    destination=Ga4,
    sandbox="madang.sandbox.ga4",
)
