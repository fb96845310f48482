"""Google: corrections of conversions that were told, through the Google Ads API.

The Data Manager API has none, so they go by another one, behind a developer token, and only where
the sync says `adjustments: true`. The contract, with the vendor's pages:
- https://developers.google.com/google-ads/api/docs/conversions/upload-adjustments (by the order id,
  which is the transaction id; `partialFailure` always; not for a wbraid)
- https://developers.google.com/google-ads/api/reference/rpc/v26/ConversionAdjustment
- https://developers.google.com/google-ads/api/reference/rpc/v26/ConversionAdjustmentUploadErrorEnum.ConversionAdjustmentUploadError
  (54 days after the conversion)

Taking back again and the same value again change nothing there, so a lost answer may be followed by
the same again. Of a request the right rows are taken, and the wrong ones are named by their place.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from madang.sync import DestinationRefused
from madang.sync.destinations.ad_answers import refused_by, unlike
from madang.sync.destinations.base import ACCEPTED, Look, Outcome
from madang.sync.destinations.parts import Answer
from madang.sync.destinations.reports import Report
from madang.sync.destinations.rows import WrongRow, compact
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

VERSION = "v26"
SCOPE = "https://www.googleapis.com/auth/adwords"
TYPES = {"retraction": "RETRACTION", "restatement": "RESTATEMENT"}
#: What Google has already, and what may be told again later; all others are for good.
KNOWN = frozenset({"CONVERSION_ALREADY_RETRACTED", "RESTATEMENT_ALREADY_EXISTS"})
PASSING = frozenset({"TOO_RECENT_CONVERSION", "TOO_RECENT_CONVERSION_ACTION"})
CODE = re.compile(r"[A-Z_]{1,100}")
not_understood = partial(unlike, "the Google Ads API")


class Adjustment(bytes):
    """A correction as it stands in a request; what is none is an event."""


def adjustment(report: Report, account: str, action_id: str, now: datetime) -> Adjustment:
    """Return a correction as it stands in a request. Raises WrongRow.

    It happened when it is told: so it is never before the conversion or before another correction.
    """
    if report.operation not in TYPES:
        raise WrongRow("Its operation is neither conversion, restatement nor retraction.")
    found: dict[str, Any] = {
        "conversionAction": f"customers/{account}/conversionActions/{action_id}",
        "adjustmentType": TYPES[report.operation],
        "orderId": report.transaction_id,
        "adjustmentDateTime": f"{now:%Y-%m-%d %H:%M:%S}+00:00",
    }
    if report.operation == "restatement":
        if report.value is None:
            raise WrongRow("A restatement has no value.")
        found["restatementValue"] = {"adjustedValue": report.value, "currencyCode": report.currency}
    return Adjustment(compact(found).encode())


class Adjustments:
    """Corrections of one Google Ads account; `token` is the developer token."""

    def __init__(self, client: "Client", settings: Any, token: str) -> None:
        self._client = client
        self._path = f"/{VERSION}/customers/{settings.account_id}:uploadConversionAdjustments"
        self._headers = {"developer-token": token}
        if settings.login_account_id:
            self._headers["login-customer-id"] = settings.login_account_id

    @property
    def requests(self) -> int:
        return self._client.requests

    def ask(self, rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
        """Send corrections. Raises what `judge` raises."""
        body = b'{"conversionAdjustments":[%s],"partialFailure":true}' % b",".join(rows)
        reply = self._client.post(self._path, body, self._headers)
        return reply, judge(reply, len(rows), self._client.redact)

    def look(self) -> Look:
        """Ask whether login and developer token are let in. It changes nothing there."""
        path = f"/{VERSION}/customers:listAccessibleCustomers"
        reply = self._client.request("GET", path, headers=self._headers)
        if reply.is_good and reply.body is not None:
            return Look("adjustments", "ok", "the Google Ads API takes the developer token")
        refused = _refused(reply, self._client.redact)
        return Look("adjustments", "problem", refused.message, refused.fix)

    def close(self) -> None:
        self._client.close()


def judge(reply: "Reply", count: int, redact: Callable[[str], str]) -> Answer:
    """Read an answer about `count` corrections.

    Raises DestinationRefused where nothing of the request was taken, DestinationUnclear for what
    is no answer of Google's.
    """
    body = reply.body
    if not reply.is_good:
        raise _refused(reply, redact)
    results = body.get("results") if body is not None else None
    if body is None or not isinstance(results, list) or len(results) != count:
        raise not_understood(reply)
    if body.get("partialFailureError") is None:
        return Answer(is_taken=True)
    named = dict.fromkeys(range(count), ACCEPTED)
    failures = list(_failures(body["partialFailureError"]))
    for place, code, words in failures:
        if place is None or place >= count:
            raise not_understood(reply)
        named[place] = _outcome(code, harmless(redact(words)))
    if not failures:
        raise not_understood(reply)
    return Answer(named=named)


def _outcome(code: str, words: str) -> Outcome:
    if code in KNOWN:
        return ACCEPTED
    if code in PASSING:
        return Outcome("unknown", code)
    return refused_by("Google", f"{words} ({code})")


def _refused(reply: "Reply", redact: Callable[[str], str]) -> DestinationRefused:
    error = reply.body.get("error") if reply.body is not None else None
    if not isinstance(error, dict):
        raise not_understood(reply)
    failures = list(_failures(error))
    told = "; ".join(f"{words} ({code})" for _, code, words in failures) or error.get("message")
    fix = "Read what Google says; nothing of this request was taken."
    if any("TOKEN" in code for _, code, _ in failures):
        fix = "Check the developer token and its access level in the API Center of Google Ads."
    elif reply.status in (401, 403):
        fix = f"Give the login the scope {SCOPE} and access to the Google Ads account."
    said = harmless(redact(str(told or "no message")))
    return DestinationRefused(f"Google refuses: {said} (HTTP {reply.status})", fix=fix)


def _failures(error: Any) -> "list[tuple[int | None, str, str]]":
    """Return (place in the request, code, words) of each error of a GoogleAdsFailure."""
    details = error.get("details") if isinstance(error, dict) else None
    found = []
    for detail in details if isinstance(details, list) else []:
        for one in (detail.get("errors") or []) if isinstance(detail, dict) else []:
            code = next(iter((one.get("errorCode") or {"": "UNSPECIFIED"}).values()), "")
            elements = (one.get("location") or {}).get("fieldPathElements") or []
            places = [
                each.get("index", 0)
                for each in elements
                if each.get("fieldName") == "conversion_adjustments"
            ]
            place = places[0] if places and type(places[0]) is int else None
            is_code = isinstance(code, str) and CODE.fullmatch(code)
            found.append((place, code if is_code else "UNSPECIFIED", str(one.get("message", ""))))
    return found
