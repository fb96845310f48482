"""TikTok: verified conversions, through the Events API 2.0 (`event/track`).

The contract, with the vendor's pages:
- https://business-api.tiktok.com/portal/docs?id=1771100779668482 (fields; 1,000 events a request)
- https://ads.tiktok.com/help/article/event-deduplication (by event and event_id, for 48 hours)
- https://ads.tiktok.com/help/article/about-events-api-for-offline (offline events are found by an
  address or a number alone)
- how old an event may be is on no page that was seen: 28 days are an assumption

A request is tried again within a run, which ends in minutes; what has no answer then is never sent
again. An answer that took a part does not say which, so the rows go again by themselves: TikTok
keeps the first of each.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
from madang.sync.destinations.ad_answers import NEVER_AGAIN
from madang.sync.destinations.base import Batch, Receipt, SyncObject
from madang.sync.destinations.batches import batched
from madang.sync.destinations.parts import Answer, Parts
from madang.sync.destinations.reports import (
    Report,
    ReportOptions,
    only_tested,
    read_report,
    unknown_type,
)
from madang.sync.destinations.rows import MICROS, WrongRow, as_it_is, compact, not_sent
from madang.sync.destinations.tiktok_answers import answered

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

EVENTS_LIMIT = 1_000  # a request
DAY = 86_400
MOST_DAYS = 28
CLICK_IDS = ("ttclid",)
IDENTIFIERS = {"email": "email", "phone": "phone"}


class ConversionEvent(Strict):
    """What a type is called at TikTok, and where it happens.

    offline goes to the event set and needs an address or a number; web goes to the pixel and may
    have a click id alone. `app` and `crm` are no choices: they need what an app or a lead form has.
    """

    name: Annotated[
        str, matching(r"[A-Za-z][A-Za-z0-9_]{0,49}", "a name of an event, such as Purchase")
    ]
    event_source: Literal["offline", "web"] = "offline"


class ConversionOptions(ReportOptions):
    """`conversions`: the types that are reported, each with its event."""

    conversions: Annotated[dict[str, ConversionEvent], Field(min_length=1)]


class TikTokConversions:
    """Conversions of one advertiser. `source_ids` are the event set and the pixel, where named."""

    def __init__(
        self,
        client: "Client",
        settings: Any,
        options: ConversionOptions,
        source_ids: dict[str, str],
        now: datetime,
    ) -> None:
        self._client = client
        self._path = f"/open_api/v{settings.api_version}/event/track/"
        self._test_code = settings.test_event_code
        self._events = options.conversions
        self._source_ids = source_ids
        self._now = now
        self._parts = Parts("TikTok", "conversions")
        self.objects_per_request = settings.events_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group conversions, in order, by their type."""
        return batched(objects, self.objects_per_request, as_it_is)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch without what is wrong in it; in halves where TikTok refuses it."""
        receipt, encoded = Receipt(), {}
        of = self._events.get(batch.objects[0].changes[0].field)
        for place, one in enumerate(batch.objects):
            try:
                if of is None:
                    raise unknown_type(one.changes[0].field, self._events)
                report = read_report(one, "TikTok", CLICK_IDS, self._now)
                encoded[place] = event(report, of, one.key)
            except WrongRow as wrong:
                receipt.outcomes[one.number] = not_sent(str(wrong))
        if of is None or not encoded:
            return receipt
        around = {"event_source": of.event_source}
        around["event_source_id"] = self._source_ids[of.event_source]
        if self._test_code:
            around["test_event_code"] = self._test_code
        before = json.dumps(around)[:-1].encode() + b', "data": ['

        def ask(rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
            body, headers = before + b",".join(rows) + b"]}", {"Content-Type": "application/json"}
            reply = self._client.request("POST", self._path, headers=headers, data=body)
            return reply, answered(reply, self._client.redact, NEVER_AGAIN)

        self._parts.send(batch, encoded, receipt, ask)
        return only_tested(receipt, "TikTok", "test_event_code") if self._test_code else receipt

    def close(self) -> None:
        self._client.close()


def event(report: Report, of: ConversionEvent, key: str) -> bytes:
    """Return a conversion as it stands in a request. Raises WrongRow."""
    if report.operation != "conversion":
        raise WrongRow("TikTok takes no corrections.")
    if not report.match_keys and (report.click_id is None or of.event_source == "offline"):
        raise WrongRow(
            "It has no match key, by which alone TikTok finds what happened offline."
            if report.click_id
            else "It has neither a click id of TikTok's nor a match key."
        )
    if report.age > MOST_DAYS * DAY:
        raise WrongRow(f"It is older than {MOST_DAYS} days.")
    user: dict[str, Any] = {
        name: report.hashes[kind] for kind, name in IDENTIFIERS.items() if kind in report.hashes
    }
    if report.click_id is not None:
        user["ttclid"] = report.click_id
    properties: dict[str, Any] = {"order_id": report.transaction_id}
    if report.value is not None:
        properties |= {"value": report.value, "currency": report.currency}
    return compact(
        {
            "event": of.name,
            "event_time": report.happened // MICROS,
            "event_id": key,
            "user": user,
            "properties": properties,
        }
    ).encode()
