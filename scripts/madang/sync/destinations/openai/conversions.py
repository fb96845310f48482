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
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from madang.specs.strict import Strict, matching
from madang.sync.destinations.ad_answers import NEVER_AGAIN
from madang.sync.destinations.conversions import DAY, Conversions, check_findable
from madang.sync.destinations.openai.answers import checked, not_understood, refusal
from madang.sync.destinations.parts import Answer
from madang.sync.destinations.reports import Report, ReportOptions
from madang.sync.destinations.rows import WrongRow, compact

if TYPE_CHECKING:
    from madang.http.client import Reply

EVENTS_LIMIT = 1_000  # a request
MOST_DAYS = 7
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


class OpenAIConversions(Conversions):
    """Conversions of one pixel."""

    platform = "OpenAI"
    click_ids = ("oppref",)

    def encoded(self, report: Report, of: ConversionEvent, key: str) -> bytes:
        return event(report, of, key)

    def ask(self, of: ConversionEvent, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        before = json.dumps({"validate_only": self._settings.validate_only})[:-1].encode()
        reply = self._client.request(
            "POST",
            "/v1/events",
            params={"pid": self._settings.pixel_id},
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
    check_findable(report, "OpenAI")
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
