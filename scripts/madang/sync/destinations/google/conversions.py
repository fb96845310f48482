"""Google: verified conversions to Google Ads, through the Data Manager API's `events:ingest`.

The contract, with the vendor's pages:
- https://developers.google.com/data-manager/api/reference/rest/v1/events/ingest (2,000 a request)
- https://developers.google.com/data-manager/api/devguides/limits
- https://support.google.com/google-ads/answer/14310715 (both consents, said for each event)

Google tells doubles by the transaction id within a conversion action, so an event may be repeated.
It takes no corrections here: the adjustments of the Google Ads API have no counterpart.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
from madang.sync.destinations.base import Batch, Receipt
from madang.sync.destinations.conversions import Conversions, check_findable
from madang.sync.destinations.google.answers import UnknownAction, rejected
from madang.sync.destinations.google.request import asked, envelope
from madang.sync.destinations.parts import Answer
from madang.sync.destinations.reports import Report, ReportOptions
from madang.sync.destinations.rows import MICROS, compact

if TYPE_CHECKING:
    from madang.http.client import Reply

EVENTS_LIMIT = 2_000  # a request
IDENTIFIERS = {"email": "emailAddress", "phone": "phoneNumber"}
GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


class ConversionAction(Strict):
    """The conversion action of Google Ads that a type goes to, and where it happens."""

    action_id: Annotated[str, matching(r"\d{1,19}", "the digits of a conversion action, in quotes")]
    source: Literal["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"] = "OTHER"


class ConversionOptions(ReportOptions):
    """`conversions`: the types that are reported, each with its conversion action."""

    conversions: Annotated[dict[str, ConversionAction], Field(min_length=1)]


class GoogleConversions(Conversions):
    """Conversions of one Google Ads account; each type has its own conversion action."""

    platform = "Google"
    click_ids = ("gclid", "gbraid", "wbraid")

    def encoded(self, report: Report, of: ConversionAction, key: str) -> bytes:
        return event(report, of.source)

    def ask(self, of: ConversionAction, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        around = json.dumps(envelope(self._settings, of.action_id))
        body = around[:-1].encode() + b', "events": [%s]}'
        return asked(self._client, "/v1/events:ingest", body, rows)

    def send_parts(
        self, batch: Batch, of: Any, encoded: Mapping[int, bytes], receipt: Receipt
    ) -> None:
        """Send what is right; nothing of it is taken where its action is unknown."""
        try:
            super().send_parts(batch, of, encoded, receipt)
        except UnknownAction as error:  # of this type alone: the others go on
            for place in encoded:
                receipt.outcomes[batch.objects[place].number] = rejected(error.words)


def event(report: Report, source: str) -> bytes:
    """Return a conversion as it stands in a request. Raises WrongRow."""
    check_findable(report, "Google", "The Data Manager API")
    found: dict[str, Any] = {
        "transactionId": report.transaction_id,
        "eventTimestamp": _moment(report.happened),
        "eventSource": source,
        "consent": GRANTED,  # only who allowed advertising is sent
    }
    if report.value is not None:
        found |= {"conversionValue": report.value, "currency": report.currency}
    if report.click_id is not None:
        found["adIdentifiers"] = {report.click_id_name: report.click_id}
    identifiers = [{IDENTIFIERS[kind]: value} for kind, value in report.match_keys]
    if identifiers:
        found["userData"] = {"userIdentifiers": identifiers}
    return compact(found).encode()


def _moment(micros: int) -> str:
    return datetime.fromtimestamp(micros / MICROS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
