"""OpenAI: verified conversions of advertisements in ChatGPT, through the Conversions API.

The contract, with the vendor's pages:
- https://developers.openai.com/ads/conversions-api (1,000 events a request; 7 days, 10 minutes
  ahead; one bad event and none of the request is taken; doubles are told by id and type)
- https://developers.openai.com/ads/supported-events (types and the shape of their data; whole
  amounts in the currency's smallest unit)
- numbers are hashed as digits without the +, other than in audiences: read in published source

For how long doubles are told is on no page. So a request is tried again within a run, which ends in
minutes, and what has no answer then is never sent again.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from madang.specs.strict import Strict, matching
from madang.sync.destinations.ad_answers import NEVER_AGAIN
from madang.sync.destinations.base import Batch, Receipt, SyncObject
from madang.sync.destinations.batches import batched
from madang.sync.destinations.openai_answers import checked, not_understood, refusal
from madang.sync.destinations.parts import Answer, Parts
from madang.sync.destinations.reports import (
    Report,
    ReportOptions,
    only_tested,
    read_report,
    unknown_type,
)
from madang.sync.destinations.rows import WrongRow, as_it_is, compact, not_sent

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

EVENTS_LIMIT = 1_000  # a request
DAY = 86_400
MOST_DAYS = 7
CLICK_IDS = ("oppref",)
IDENTIFIERS = {"email": "emails_sha256", "phone": "phone_numbers_sha256"}
DATA = {
    "appointment_scheduled": "customer_action",
    "checkout_started": "contents",
    "contents_viewed": "contents",
    "custom": "custom",
    "items_added": "contents",
    "lead_created": "customer_action",
    "order_created": "contents",
    "registration_completed": "customer_action",
    "subscription_created": "plan_enrollment",
    "trial_started": "plan_enrollment",
}
#: How many digits stand behind the point (ISO 4217), where they are not two.
DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


class ConversionEvent(Strict):
    """What a type is at OpenAI, and where it happens.

    `web` and `mobile_app` are no choices: they need what only a browser or an app knows.
    """

    type: Literal[tuple(DATA)]  # type: ignore[valid-type]
    action_source: Literal["physical_store", "offline", "phone_call", "email", "other"]
    custom_event_name: (
        Annotated[str, matching(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?", "a name in lower case")]
        | None
    ) = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.type == "custom") != (self.custom_event_name is not None):
            raise ValueError("custom_event_name goes with type: custom, and with no other")
        return self


class ConversionOptions(ReportOptions):
    """`conversions`: the types that are reported, each with its event."""

    conversions: Annotated[dict[str, ConversionEvent], Field(min_length=1)]


class OpenAIConversions:
    """Conversions of one pixel."""

    def __init__(
        self, client: "Client", settings: Any, options: ConversionOptions, now: datetime
    ) -> None:
        self._client = client
        self._pixel = {"pid": settings.pixel_id}
        self._only_checks = settings.validate_only
        self._events = options.conversions
        self._now = now
        self._parts = Parts("OpenAI", "conversions")
        self.objects_per_request = settings.events_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group conversions, in order, by their type."""
        return batched(objects, self.objects_per_request, as_it_is)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch without what is wrong in it, and without what OpenAI names as wrong."""
        receipt, encoded = Receipt(), {}
        of = self._events.get(batch.objects[0].changes[0].field)
        for place, one in enumerate(batch.objects):
            try:
                if of is None:
                    raise unknown_type(one.changes[0].field, self._events)
                report = read_report(one, "OpenAI", CLICK_IDS, self._now)
                encoded[place] = event(report, of, one.key)
            except WrongRow as wrong:
                receipt.outcomes[one.number] = not_sent(str(wrong))
        self._parts.send(batch, encoded, receipt, self._told)
        return only_tested(receipt, "OpenAI", "validate_only") if self._only_checks else receipt

    def close(self) -> None:
        self._client.close()

    def _told(self, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        before = json.dumps({"validate_only": self._only_checks})[:-1].encode()
        reply = self._client.request(
            "POST",
            "/v1/events",
            params=self._pixel,
            headers={"Content-Type": "application/json"},
            data=before + b', "events": [' + b",".join(rows) + b"]}",
        )
        redact = self._client.redact
        if answer := refusal(reply, len(rows), redact, NEVER_AGAIN):
            return reply, answer
        counted = checked(reply, redact, NEVER_AGAIN).get("accepted_events", len(rows))
        if counted != len(rows):  # which of them were taken is not said
            raise not_understood(reply, NEVER_AGAIN)
        return reply, Answer(is_taken=True)


def event(report: Report, of: ConversionEvent, key: str) -> bytes:
    """Return a conversion as it stands in a request. Raises WrongRow."""
    if report.operation != "conversion":
        raise WrongRow("OpenAI takes no corrections.")
    if report.click_id is None and not report.match_keys:
        raise WrongRow("It has neither a click id of OpenAI's nor a match key.")
    if report.age > MOST_DAYS * DAY:
        raise WrongRow(f"It is older than {MOST_DAYS} days, and OpenAI would refuse all with it.")
    found: dict[str, Any] = {
        "id": key,
        "type": of.type,
        "timestamp_ms": report.happened // 1000,
        "action_source": of.action_source,
        "data": {"type": DATA[of.type]},
    }
    if of.custom_event_name is not None:
        found["custom_event_name"] = of.custom_event_name
    if report.click_id is not None:
        found["oppref"] = report.click_id
    if report.match_keys:
        hashes = report.hashes
        found["user"] = {IDENTIFIERS[kind]: hashes[kind] for kind in IDENTIFIERS if kind in hashes}
    if report.value is not None and report.currency is not None:
        smallest = 10 ** DIGITS.get(report.currency, 2)
        found["data"] |= {"amount": round(report.value * smallest), "currency": report.currency}
    return compact(found).encode()
