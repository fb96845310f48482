"""Google: verified conversions to Google Ads, through the Data Manager API's `events:ingest`.

The contract, with the vendor's pages:
- https://developers.google.com/data-manager/api/reference/rest/v1/events/ingest (2,000 a request)
- https://developers.google.com/data-manager/api/devguides/limits
- https://support.google.com/google-ads/answer/14310715 (both consents, said for each event)

Google tells doubles by the transaction id within a conversion action, so an event may be repeated.
It takes no corrections here: the adjustments of the Google Ads API have no counterpart.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
from madang.sync.destinations.base import Batch, Receipt, SyncObject
from madang.sync.destinations.batches import batched
from madang.sync.destinations.google_answers import UnknownAction, rejected
from madang.sync.destinations.google_sending import Sending, envelope
from madang.sync.destinations.reports import Report, ReportOptions, read_report, unknown_type
from madang.sync.destinations.rows import MICROS, WrongRow, as_it_is, compact, not_sent

if TYPE_CHECKING:
    from madang.http.client import Client

EVENTS_LIMIT = 2_000  # a request
CLICK_IDS = ("gclid", "gbraid", "wbraid")
IDENTIFIERS = {"email": "emailAddress", "phone": "phoneNumber"}
GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


class ConversionAction(Strict):
    """The conversion action of Google Ads that a type goes to, and where it happens."""

    action_id: Annotated[str, matching(r"\d{1,19}", "the digits of a conversion action, in quotes")]
    source: Literal["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"] = "OTHER"


class ConversionOptions(ReportOptions):
    """`conversions`: the types that are reported, each with its conversion action."""

    conversions: Annotated[dict[str, ConversionAction], Field(min_length=1)]


class GoogleConversions:
    """Conversions of one Google Ads account."""

    def __init__(
        self, client: "Client", settings: Any, options: ConversionOptions, now: datetime
    ) -> None:
        self._client = client
        self._now = now
        self._settings = settings
        self._actions = options.conversions
        self._sending = Sending(client, "conversions")
        self.objects_per_request = settings.events_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group conversions, in order, by their type: each has its own conversion action."""
        return batched(objects, self.objects_per_request, as_it_is)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch without what is wrong in it; nothing of it where its action is unknown."""
        receipt, encoded = Receipt(), {}
        action = self._actions.get(batch.objects[0].changes[0].field)
        for place, one in enumerate(batch.objects):
            try:
                if action is None:
                    raise unknown_type(one.changes[0].field, self._actions)
                report = read_report(one, "Google", CLICK_IDS, self._now)
                encoded[place] = event(report, action.source)
            except WrongRow as wrong:
                receipt.outcomes[one.number] = not_sent(str(wrong))
        if action is None or not encoded:
            return receipt
        around = json.dumps(envelope(self._settings, action.action_id))
        body = around[:-1].encode() + b', "events": [%s]}'
        try:
            return self._sending.send("/v1/events:ingest", body, batch, encoded, receipt)
        except UnknownAction as error:  # of this type alone: the others go on
            for place in encoded:
                receipt.outcomes[batch.objects[place].number] = rejected(error.words)
            return receipt

    def close(self) -> None:
        self._client.close()


def event(report: Report, source: str) -> bytes:
    """Return a conversion as it stands in a request. Raises WrongRow."""
    if report.operation != "conversion":
        raise WrongRow("The Data Manager API takes no corrections.")
    if report.click_id is None and not report.match_keys:
        raise WrongRow("It has neither a click id of Google's nor a match key.")
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
