"""Sends one batch to the Data Manager API: whole, without what Google names as wrong, or in halves.

A request is taken whole or not at all:
https://developers.google.com/data-manager/api/devguides/concepts/understand-errors
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from madang.sync.destinations.base import Batch, Receipt
from madang.sync.destinations.google_answers import judge
from madang.sync.destinations.parts import Answer, Parts

if TYPE_CHECKING:
    from madang.http.client import Client, Reply


class Sending:
    """`rows` is what the rows are called in errors: members, conversions."""

    def __init__(self, client: "Client", rows: str) -> None:
        self._client = client
        self._parts = Parts("Google", rows)

    def send(
        self, path: str, body: bytes, batch: Batch, encoded: Mapping[int, bytes], receipt: Receipt
    ) -> Receipt:
        """Send the rows of a batch by their place, in the place of %s in `body`.

        Adds the outcome of each to `receipt`. Raises what `judge` raises.
        """

        def ask(rows: Sequence[bytes]) -> "tuple[Reply, Answer]":
            reply = self._client.post(path, body % b",".join(rows))
            return reply, judge(reply, len(rows), self._client.redact)

        return self._parts.send(batch, encoded, receipt, ask)


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
