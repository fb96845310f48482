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

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
from madang.sync.destinations.base import Batch, Receipt, SyncObject
from madang.sync.destinations.batches import batched
from madang.sync.destinations.meta_answers import refused_events, taken_events
from madang.sync.destinations.parts import Answer, Parts
from madang.sync.destinations.reports import Report, ReportOptions, read_report, unknown_type
from madang.sync.destinations.rows import MICROS, WrongRow, as_it_is, compact, not_sent

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

EVENTS_LIMIT = 1_000  # a request
DAY = 86_400
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


class MetaConversions:
    """Conversions of one dataset."""

    def __init__(
        self, client: "Client", settings: Any, options: ConversionOptions, now: datetime
    ) -> None:
        self._client = client
        self._path = f"/v{settings.api_version}/{settings.dataset_id}/events"
        self._events = options.conversions
        self._now = now
        self._parts = Parts("Meta", "conversions")
        self.objects_per_request = settings.events_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group conversions, in order, by their type."""
        return batched(objects, self.objects_per_request, as_it_is)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch without what is wrong in it; in halves where Meta refuses it for its events.

        Meta names no event. A request that it refuses is not processed at all.
        """
        receipt, encoded = Receipt(), {}
        field = batch.objects[0].changes[0].field
        for place, one in enumerate(batch.objects):
            try:
                if field not in self._events:
                    raise unknown_type(field, self._events)
                report = read_report(one, "Meta", ("fbclid",), self._now)
                encoded[place] = event(report, self._events[field], one.key)
            except WrongRow as wrong:
                receipt.outcomes[one.number] = not_sent(str(wrong))
        return self._parts.send(batch, encoded, receipt, self._told)

    def close(self) -> None:
        self._client.close()

    def _told(self, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        body, headers = (
            b'{"data": [' + b",".join(rows) + b"]}",
            {"Content-Type": "application/json"},
        )
        reply = self._client.request("POST", self._path, data=body, headers=headers)
        refused = refused_events(reply, self._client.redact)
        if refused is not None:
            return reply, Answer(alone=refused)
        return reply, Answer(is_taken=True, reference=taken_events(reply, len(rows)))


def event(report: Report, of: ConversionEvent, key: str) -> bytes:
    """Return a conversion as it stands in a request. Raises WrongRow."""
    if report.operation != "conversion":
        raise WrongRow("Meta takes no corrections.")
    if report.click_id is None and not report.match_keys:
        raise WrongRow("It has neither a click id of Meta's nor a match key.")
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
