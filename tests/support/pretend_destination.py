"""A pretend destination: takes rows of every kind as JSON, and can neither delete nor be polled."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from madang.specs.strict import EnvironmentName, HttpAddress
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import (
    Batch,
    DestinationSettings,
    Entry,
    ObjectKind,
    Opening,
    Outcome,
    Receipt,
    SyncObject,
)


class PretendSettings(DestinationSettings):
    """Where it is, and the variable with its key."""

    url: HttpAddress
    key_env: EnvironmentName
    timeout_seconds: float = 5


class Pretend:
    """Rows, ten a request."""

    objects_per_request = 10

    def __init__(self, client) -> None:
        self._client = client

    @classmethod
    def open(cls, opening: Opening) -> "Pretend":
        from madang.http.auth import Header

        key = opening.secret("key_env", "a key")
        return cls(opening.client("Pretend", Header("X-Key", key), "Look at it."))

    @property
    def requests(self) -> int:
        return self._client.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        waiting = iter(objects)
        while group := tuple(islice(waiting, self.objects_per_request)):
            rows = [
                {"key": one.key, "field": change.field, "value": change.value}
                for one in group
                for change in one.changes
            ]
            yield Batch(group, (json.dumps({"rows": rows}).encode(),))

    def send(self, batch: Batch) -> Receipt:
        reply = self._client.post("/rows", batch.encoded[0])
        if reply.status == 401:
            raise DestinationRefused("Pretend does not accept the key.")
        if not reply.is_good or reply.body is None:
            raise DestinationUnclear("Pretend did not answer as it does.")
        outcomes = {one.number: Outcome("accepted") for one in batch.objects}
        return Receipt(outcomes, reply.status, reply.attempts)

    def close(self) -> None:
        self._client.close()


ENTRY = Entry(
    settings=PretendSettings,
    objects={
        "properties": ObjectKind("attributes", keys=("id",)),
        "lists": ObjectKind("members", keys=("hash",)),
        "events": ObjectKind("events", keys=("event_id",)),
        "known_events": ObjectKind("events", keys=("event_id",), tells_doubles=True),
        "letters": ObjectKind("messages", keys=("letter_id",)),
    },
    destination=Pretend,
    sandbox="madang.sandbox.pretend",
)
