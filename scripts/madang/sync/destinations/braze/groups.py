"""Braze: who is in a subscription group, with POST /v2/subscription/status/set.

https://www.braze.com/docs/api/endpoints/subscription_groups/post_update_user_subscription_group_status_v2
(50 ids a request of one kind; an address that several users have sets all of them)

A member is `subscribed`; one who leaves is `unsubscribed`. Setting a state twice changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from madang.specs.strict import matching
from madang.specs.values import Name
from madang.sync.destinations.base import Batch, NoOptions, Receipt, SyncObject
from madang.sync.destinations.batches import batched, request_of
from madang.sync.destinations.braze.keys import kind_of
from madang.sync.destinations.braze.sending import Sending
from madang.sync.destinations.parts import the_rest_waits
from madang.sync.destinations.rows import compact, not_sent

if TYPE_CHECKING:
    from madang.http.client import Client

PATH = "/v2/subscription/status/set"
IDS_LIMIT = 50  # ids a request
#: What a request calls the ids of a kind; by others nobody can be subscribed.
NAMES = {"external_id": "external_ids", "email": "emails", "phone": "phones"}
GroupId = Annotated[str, matching(r"[0-9a-f-]{8,64}", "the id of a subscription group in Braze")]


class GroupOptions(NoOptions):
    """`groups`: the subscription group of each channel."""

    groups: Annotated[dict[Name, GroupId], Field(min_length=1)]


class BrazeGroups:
    """Members of subscription groups, those of one group, state and kind of id a request."""

    objects_per_request = IDS_LIMIT

    def __init__(self, http: "Client") -> None:
        self._http = http
        self._sending = Sending(http, "subscription.status.set")

    @property
    def requests(self) -> int:
        return self._http.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group members, in order, by group and state."""
        return batched(objects, IDS_LIMIT, lambda one: one.key.encode())

    def send(self, batch: Batch) -> Receipt:
        """Send a batch, a request for each kind of id."""
        receipt = Receipt()
        by_kind: dict[str, list[SyncObject]] = {}
        for one in batch.objects:
            by_kind.setdefault(kind_of(one.key)[0], []).append(one)
        for kind, objects in by_kind.items():
            if kind not in NAMES:
                problem = f"Nobody is subscribed by {kind}, only by {', '.join(NAMES)}."
                receipt.outcomes |= {one.number: not_sent(problem) for one in objects}
        with the_rest_waits(batch, receipt):
            for kind in (one for one in NAMES if one in by_kind):
                self._send_kind(kind, by_kind[kind], receipt)
        return receipt

    def close(self) -> None:
        self._http.close()

    def _send_kind(self, kind: str, objects: Sequence[SyncObject], receipt: Receipt) -> None:
        group, is_removal = request_of(objects[0])
        sent = self._sending.send(
            Batch(tuple(objects), ()),
            PATH,
            lambda part: self._body(group, is_removal, kind, [objects[at] for at in part]),
            lambda part: [("subscription_groups", place) for place in range(len(part))],
        )
        receipt.outcomes |= sent.outcomes
        receipt.attempts += sent.attempts
        receipt.http_status = sent.http_status

    def _body(
        self, group: str, is_removal: bool, kind: str, objects: Sequence[SyncObject]
    ) -> bytes:
        state = {
            "subscription_group_id": group,
            "subscription_state": "unsubscribed" if is_removal else "subscribed",
            NAMES[kind]: [kind_of(one.key)[1] for one in objects],
        }
        return compact({"subscription_groups": [state]}).encode()


def group_problem(field: str) -> str | None:
    """Say why no subscription group could have this id, or None."""
    return None if 8 <= len(field) <= 64 else "The id of a subscription group has 8 to 64 letters."
