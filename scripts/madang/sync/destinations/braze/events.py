"""Braze: custom events and purchases with POST /users/track, each once.

The contract, with the vendor's pages:
- https://www.braze.com/docs/api/objects_filters/event_object (name, time, properties)
- https://www.braze.com/docs/api/objects_filters/purchase_object (product, currency, price)
- a refund is a purchase with a negative price

Braze does not tell doubles of events: each one is a new one. So a request without an answer is
never sent again, and an object that Braze may have refused without naming it stays unknown.

A sync model writes a row as JSON whose values are texts (`sync_braze_events` in macros/activation).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from madang.specs.audiences import Where
from madang.specs.strict import Strict, matching
from madang.specs.values import Duration, Texts
from madang.sync.destinations.base import Batch, Receipt, SyncObject
from madang.sync.destinations.batches import within_limits
from madang.sync.destinations.braze.answers import Place
from madang.sync.destinations.braze.keys import KeyOptions, user_of
from madang.sync.destinations.braze.sending import Sending
from madang.sync.destinations.rows import (
    AHEAD,
    CURRENCY,
    MICROS,
    WrongRow,
    as_it_is,
    compact,
    micros,
    needed,
    not_sent,
    texts,
)

if TYPE_CHECKING:
    from madang.http.client import Client

TRACK = "/users/track"
PAYLOAD_LIMIT = 4_000_000  # bytes; more is answered with 413
ENVELOPE = len(b'{"events":[],"purchases":[]}')
NAME_LIMIT = 255  # characters of a name, a product and a property that is a text
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
Name = Annotated[str, matching(r"[^$].{0,254}", "1 to 255 characters, the first one no $")]


class Happening(Strict):
    """Which activities are meant: one action or several, and what else they must be."""

    did: Texts
    where: Where = Where()


class CustomEvent(Happening):
    """`name`: what the event is called in Braze."""

    name: Name


class Purchase(Happening):
    """`product`: its product_id in Braze. What takes money back is a purchase below zero."""

    product: Name


class EventOptions(KeyOptions):
    """Which activities are told: `events` and `purchases`, those of the last days (`within`).

    `create_missing`: whether Braze may create a user whom it does not know.
    """

    events: Sequence[CustomEvent] = ()
    purchases: Sequence[Purchase] = ()
    within: Duration = "30 days"
    create_missing: bool = False


class BrazeEvents:
    """Custom events and purchases of users, each once."""

    def __init__(
        self, http: "Client", options: EventOptions | None, objects_per_request: int, now: datetime
    ) -> None:
        self._http = http
        self._creates = bool(options and options.create_missing)
        self._now = now
        self._sending = Sending(http, "users.track", may_repeat=False)
        self.objects_per_request = objects_per_request

    @property
    def requests(self) -> int:
        return self._http.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group events, in order, by the limits on their number and on the payload's size."""
        encoded = ((one, as_it_is(one)) for one in objects)
        return within_limits(encoded, self.objects_per_request, PAYLOAD_LIMIT - ENVELOPE)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch, without what is wrong by itself."""
        wrong, good, built = {}, [], []
        for one in batch.objects:
            try:
                built.append(event_of(one, self._now, creates=self._creates))
                good.append(one)
            except WrongRow as error:
                wrong[one.number] = not_sent(str(error))
        if not good:
            return Receipt(wrong)

        def of(part: Sequence[int], array: str) -> list[dict[str, Any]]:
            return [built[at][1] for at in part if built[at][0] == array]

        def body(part: Sequence[int]) -> bytes:
            arrays = {array: of(part, array) for array in ("events", "purchases")}
            return compact({array: found for array, found in arrays.items() if found}).encode()

        def places(part: Sequence[int]) -> list[Place]:
            seen = {"events": 0, "purchases": 0}
            found = []
            for at in part:
                array = built[at][0]
                found.append((array, seen[array]))
                seen[array] += 1
            return found

        sent = Batch(tuple(good), ())
        receipt = self._sending.send(sent, TRACK, body, places)
        receipt.outcomes |= wrong
        return receipt

    def close(self) -> None:
        self._http.close()


def event_of(one: SyncObject, now: datetime, *, creates: bool) -> tuple[str, dict[str, Any]]:
    """Return the array that a row belongs to, and its object there. Raises WrongRow."""
    told = texts(one.changes[0].value)
    happened = micros(needed(told, "happened_micros"))
    if happened / MICROS > now.timestamp() + AHEAD:
        raise WrongRow("It lies in the future.")
    built = user_of(needed(told, "user"), creates=creates)
    built["time"] = datetime.fromtimestamp(happened // MICROS, UTC).isoformat()
    properties = {
        name: text[:NAME_LIMIT]
        for name in ("event_id", "object_type", "object_id", "object_name")
        if (text := told.get(name))
    }
    if told.get("kind") == "purchase":
        currency, price = told.get("currency"), told.get("value")
        if not currency or not CURRENCY.fullmatch(currency):
            raise WrongRow("A purchase needs a currency of three capital letters, such as KRW.")
        if not price or not NUMBER.fullmatch(price):
            raise WrongRow("A purchase needs a value.")
        built |= {
            "product_id": one.changes[0].field,
            "currency": currency,
            "price": float(price),
            "properties": properties,
        }
        return "purchases", built
    if (value := told.get("value")) and NUMBER.fullmatch(value):
        properties |= {"value": float(value), "currency": told.get("currency") or ""}
    built |= {"name": one.changes[0].field, "properties": properties}
    return "events", built


def event_problem(field: str) -> str | None:
    """Say why Braze would not take an event or a product of this name, or None."""
    if not field or len(field) > NAME_LIMIT:
        return f"The name of an event or a product has 1 to {NAME_LIMIT} characters."
    return f"'{field}' begins with $, which Braze keeps for itself." if field[0] == "$" else None
