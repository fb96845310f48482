"""Meta: verified conversions, through the Conversions API.

The contract, with the vendor's pages:
- https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/server-event (1,000
  events a request; one that is too old and no event of the request is processed)
- https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/original-event (what
  a later outcome goes back to)
- https://developers.facebook.com/documentation/ads-commerce/conversions-api/offline-events
- ages: 7 days, 62 for what happened in a store, a minute ahead; read in published source

Meta tells doubles by event_id and event_name for 48 hours only. So a request is tried again within
a run, which ends in minutes, and what has no answer then is never sent again.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
from madang.sync.destinations.conversions import DAY, Conversions, check_findable
from madang.sync.destinations.meta.answers import refused_events, taken_events
from madang.sync.destinations.parts import Answer
from madang.sync.destinations.reports import Report, ReportOptions
from madang.sync.destinations.rows import MICROS, WrongRow, compact

if TYPE_CHECKING:
    from madang.http.client import Reply

EVENTS_LIMIT = 1_000  # a request
MOST_DAYS, MOST_DAYS_IN_STORE = 7, 62
IDENTIFIERS = {"email": "em", "phone": "ph"}
EventName = Annotated[
    str, matching(r"[A-Za-z][A-Za-z0-9_ ]{0,49}", "a name of an event, such as Purchase")
]


class ConversionEvent(Strict):
    """What a type is called at Meta, and where it happens.

    `website` and `app` are no choices: they need what only a browser or an app knows.
    `original_event`: the name of the online event that this is the later outcome of.
    """

    name: EventName
    action_source: Literal[
        "physical_store", "phone_call", "chat", "email", "business_messaging", "system_generated",
        "other",
    ]  # fmt: skip
    original_event: EventName | None = None


class ConversionOptions(ReportOptions):
    """`conversions`: the types that are reported, each with its event."""

    conversions: Annotated[dict[str, ConversionEvent], Field(min_length=1)]


class MetaConversions(Conversions):
    """Conversions of one dataset. Meta names no event as wrong, and processes none beside it."""

    platform = "Meta"
    click_ids = ("fbclid",)

    def encoded(self, report: Report, of: ConversionEvent, key: str) -> bytes:
        return event(report, of, key)

    def ask(self, of: ConversionEvent, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        path = f"/v{self._settings.api_version}/{self._settings.dataset_id}/events"
        body, headers = (
            b'{"data": [' + b",".join(rows) + b"]}",
            {"Content-Type": "application/json"},
        )
        reply = self._client.request("POST", path, data=body, headers=headers)
        refused = refused_events(reply, self._client.redact)
        if refused is not None:
            return reply, Answer(alone=refused)
        return reply, Answer(is_taken=True, reference=taken_events(reply, len(rows)))


def event(report: Report, of: ConversionEvent, key: str) -> bytes:
    """Return a conversion as it stands in a request. Raises WrongRow."""
    check_findable(report, "Meta")
    days = MOST_DAYS_IN_STORE if of.action_source == "physical_store" else MOST_DAYS
    if report.age > days * DAY:
        raise WrongRow(f"It is older than {days} days, and Meta would refuse all others with it.")
    user: dict[str, Any] = {
        name: report.hashes[kind] for kind, name in IDENTIFIERS.items() if kind in report.hashes
    }
    if report.click_id is not None:
        clicked = (report.clicked or report.happened) // 1000
        user["fbc"] = f"fb.1.{clicked}.{report.click_id}"
    found: dict[str, Any] = {
        "event_name": of.name,
        "event_time": report.happened // MICROS,
        "event_id": key,
        "action_source": of.action_source,
        "user_data": user,
        "custom_data": {"order_id": report.transaction_id},
    }
    if report.value is not None:
        found["custom_data"] |= {"value": report.value, "currency": report.currency}
    if of.original_event is not None and report.converted is not None:
        original = {"event_name": of.original_event, "event_time": report.converted // MICROS}
        original |= {"order_id": report.object_id} if report.object_id else {}
        found["original_event_data"] = original
    return compact(found).encode()
