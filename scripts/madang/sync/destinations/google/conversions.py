"""Google: verified conversions to Google Ads, through the Data Manager API's `events:ingest`.

The contract, with the vendor's pages:
- https://developers.google.com/data-manager/api/reference/rest/v1/events/ingest (2,000 a request)
- https://developers.google.com/data-manager/api/devguides/limits
- https://support.google.com/google-ads/answer/14310715 (both consents, said for each event)

Google tells doubles by the transaction id within a conversion action, so an event may be repeated.
It takes no corrections here; where the sync says `adjustments`, they go to the Google Ads API.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import Strict, matching
from madang.sync.destinations.base import Batch, Receipt, SyncObject
from madang.sync.destinations.batches import batched
from madang.sync.destinations.conversions import Conversions, check_findable
from madang.sync.destinations.google.adjustments import Adjustments, adjustment
from madang.sync.destinations.google.answers import UnknownAction, rejected
from madang.sync.destinations.google.request import asked, envelope
from madang.sync.destinations.parts import Answer, Parts
from madang.sync.destinations.reports import Report, ReportOptions
from madang.sync.destinations.rows import MICROS, WrongRow, as_it_is, compact, texts

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

EVENTS_LIMIT = 2_000  # a request
IDENTIFIERS = {"email": "emailAddress", "phone": "phoneNumber"}
GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}


class ConversionAction(Strict):
    """The conversion action of Google Ads that a type goes to, and where it happens."""

    action_id: Annotated[str, matching(r"\d{1,19}", "the digits of a conversion action, in quotes")]
    source: Literal["WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"] = "OTHER"


class ConversionOptions(ReportOptions):
    """`conversions`: the types that are reported, each with its conversion action.

    `adjustments`: what is taken back or worth less later is corrected, by the Google Ads API.
    """

    adjustments: bool = False
    conversions: Annotated[dict[str, ConversionAction], Field(min_length=1)]


class GoogleConversions(Conversions):
    """Conversions of one Google Ads account; each type has its own conversion action.

    Corrections go by `adjustments`, where there are any, in batches of their own.
    """

    platform = "Google"
    click_ids = ("gclid", "gbraid", "wbraid")

    def __init__(
        self,
        client: "Client",
        settings: Any,
        options: ConversionOptions,
        now: datetime,
        adjustments: Adjustments | None = None,
    ) -> None:
        super().__init__(client, settings, options, now)
        self._adjustments = adjustments
        self._corrections = Parts(self.platform, "corrections")

    @property
    def requests(self) -> int:
        others = self._adjustments.requests if self._adjustments else 0
        return super().requests + others

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group conversions, in order, by their type; after them corrections, of which few are."""
        if self._adjustments is None:
            return super().batches(objects)
        corrections: list[SyncObject] = []

        def conversions() -> Iterator[SyncObject]:
            for one in objects:
                if _is_correction(one):
                    corrections.append(one)
                else:
                    yield one

        most = self.objects_per_request
        later = (batched(part, most, as_it_is) for part in [corrections])
        return chain(super().batches(conversions()), chain.from_iterable(later))

    def encoded(self, report: Report, of: ConversionAction, key: str) -> bytes:
        if self._adjustments is not None and report.operation != "conversion":
            account = self._settings.account_id
            return adjustment(report, account, of.action_id, self._now.astimezone(UTC))
        return event(report, of.source)

    def ask(self, of: ConversionAction, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        around = json.dumps(envelope(self._settings, of.action_id))
        body = around[:-1].encode() + b', "events": [%s]}'
        return asked(self._client, "/v1/events:ingest", body, rows)

    def send_parts(
        self, batch: Batch, of: Any, encoded: Mapping[int, bytes], receipt: Receipt
    ) -> None:
        """Send what is right; nothing of it is taken where its action is unknown."""
        if self._adjustments is not None and _is_correction(batch.objects[0]):
            self._corrections.send(batch, encoded, receipt, self._adjustments.ask)
            return
        try:
            super().send_parts(batch, of, encoded, receipt)
        except UnknownAction as error:  # of this type alone: the others go on
            for place in encoded:
                receipt.outcomes[batch.objects[place].number] = rejected(error.words)

    def close(self) -> None:
        super().close()
        if self._adjustments is not None:
            self._adjustments.close()


def _is_correction(one: SyncObject) -> bool:
    try:
        return texts(one.changes[0].value).get("operation") != "conversion"
    except WrongRow:
        return False


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
