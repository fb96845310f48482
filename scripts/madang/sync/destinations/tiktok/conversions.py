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
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
from madang.sync.destinations.ad_answers import NEVER_AGAIN
from madang.sync.destinations.conversions import DAY, Conversions, check_findable
from madang.sync.destinations.parts import Answer
from madang.sync.destinations.reports import Report, ReportOptions
from madang.sync.destinations.rows import MICROS, WrongRow, compact
from madang.sync.destinations.tiktok.answers import answered

if TYPE_CHECKING:
    from madang.http.client import Reply

EVENTS_LIMIT = 1_000  # a request
MOST_DAYS = 28
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


class TikTokConversions(Conversions):
    """Conversions of one advertiser: to its event set and its pixel."""

    platform = "TikTok"
    click_ids = ("ttclid",)

    def encoded(self, report: Report, of: ConversionEvent, key: str) -> bytes:
        return event(report, of, key)

    def ask(self, of: ConversionEvent, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        around = {"event_source": of.event_source}
        around["event_source_id"] = self._settings.source_ids[of.event_source]
        if self._settings.test_event_code:
            around["test_event_code"] = self._settings.test_event_code
        body = json.dumps(around)[:-1].encode() + b', "data": [' + b",".join(rows) + b"]}"
        path = f"/open_api/v{self._settings.api_version}/event/track/"
        headers = {"Content-Type": "application/json"}
        reply = self._client.request("POST", path, headers=headers, data=body)
        return reply, answered(reply, self._client.redact, NEVER_AGAIN)


def event(report: Report, of: ConversionEvent, key: str) -> bytes:
    """Return a conversion as it stands in a request. Raises WrongRow."""
    check_findable(report, "TikTok")
    if not report.match_keys and of.event_source == "offline":
        raise WrongRow("It has no match key, by which alone TikTok finds what happened offline.")
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
