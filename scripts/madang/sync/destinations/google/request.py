"""One request to the Data Manager API: what stands around its rows, and what its answer says.

It is taken whole or not at all:
https://developers.google.com/data-manager/api/devguides/concepts/understand-errors
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from madang.sync.destinations.google.answers import judge
from madang.sync.destinations.parts import Answer

if TYPE_CHECKING:
    from madang.http.client import Client, Reply


def asked(
    client: "Client", path: str, body: bytes, rows: Sequence[bytes]
) -> "tuple[Reply, Answer]":
    """Send rows, in the place of %s in `body`. Raises what `judge` raises."""
    reply = client.post(path, body % b",".join(rows))
    return reply, judge(reply, len(rows), client.redact)


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
