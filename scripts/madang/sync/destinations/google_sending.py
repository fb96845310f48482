"""Sends one batch to the Data Manager API: whole, without what Google names as wrong, or in halves.

A request is taken whole or not at all:
https://developers.google.com/data-manager/api/devguides/concepts/understand-errors
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from madang.sync import DestinationRefused
from madang.sync.destinations.base import ACCEPTED, Batch, Receipt
from madang.sync.destinations.google_answers import judge, rejected

if TYPE_CHECKING:
    from madang.http.client import Client

SYSTEMATIC = 10  # when so many rows are refused alike, it is not about the rows


class Sending:
    """`rows` is what the rows are called in errors: members, conversions."""

    def __init__(self, client: "Client", rows: str) -> None:
        self._client = client
        self._rows = rows
        self._has_accepted = False

    def send(
        self, path: str, body: bytes, batch: Batch, encoded: Mapping[int, bytes], receipt: Receipt
    ) -> Receipt:
        """Send the rows of a batch by their place, in the place of %s in `body`.

        Adds the outcome of each to `receipt`. Raises what `judge` raises.
        """
        waiting = [sorted(encoded)] if encoded else []
        while waiting:
            places = waiting.pop()
            reply = self._client.post(path, body % b",".join(encoded[place] for place in places))
            receipt.http_status = reply.status
            receipt.attempts += reply.attempts
            verdict = judge(reply, len(places), self._client.redact)
            if verdict.request_id:
                receipt.remote_reference = (
                    f"{receipt.remote_reference or ''} {verdict.request_id}".strip()
                )
            for at, problem in verdict.rejected.items():
                receipt.outcomes[batch.objects[places[at]].number] = rejected(problem)
            if verdict.is_accepted:
                self._has_accepted = True
                for place in places:
                    receipt.outcomes[batch.objects[place].number] = ACCEPTED
            elif verdict.rejected:
                left = [place for at, place in enumerate(places) if at not in verdict.rejected]
                waiting += [left] if left else []
            elif len(places) == 1:
                receipt.outcomes[batch.objects[places[0]].number] = rejected(verdict.words)
                self._stop_if_systematic(receipt, verdict.words)
            else:
                middle = len(places) // 2
                waiting += [places[middle:], places[:middle]]
        return receipt

    def _stop_if_systematic(self, receipt: Receipt, words: str) -> None:
        """Stop where one row after the other is refused alike and none was ever taken."""
        alike = [one for one in receipt.outcomes.values() if one.problem == words]
        if not self._has_accepted and len(alike) >= SYSTEMATIC:
            raise DestinationRefused(
                f"Google refuses every one of the {self._rows}: {words}",
                fix="Correct the activation model or the settings, then plan again.",
            )


def envelope(settings: Any, product_id: str) -> dict[str, Any]:
    """Return what stands around the rows of a request: the list or action that they go to."""
    account = {"accountType": "GOOGLE_ADS", "accountId": settings.account_id}
    destination: dict[str, Any] = {"operatingAccount": account, "productDestinationId": product_id}
    if settings.login_account_id:
        destination["loginAccount"] = {
            "accountType": "GOOGLE_ADS",
            "accountId": settings.login_account_id,
        }
    return {"destinations": [destination], "encoding": "HEX"}
