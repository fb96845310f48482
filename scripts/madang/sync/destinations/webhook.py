"""Any HTTPS endpoint: batches of rows as JSON, signed, each with a key by which doubles are told.

The contract is ours; an endpoint keeps to it, or a small program in front of one does:
- POST, `{"object", "plan_id", "rows": [{"id", "key", "field", "operation", "value"}]}`; `operation`
  is `set` or `remove`; `id` names a row for ever: the same change has the same id again
- `X-Madang-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 of the seconds, a point and the body
- `Idempotency-Key`: the SHA-256 of the body, the same in every attempt
  (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)
- 2xx takes the batch; with `answers: rows` the body says what became of each row:
  `{"results": [{"id", "status": "ok" | "rejected", "reason"}]}`. 400, 409 and 422 refuse it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from madang.specs.strict import EnvironmentName, HttpAddress
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import (
    ACCEPTED,
    Batch,
    DestinationSettings,
    Entry,
    ObjectKind,
    Opening,
    Outcome,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.batches import within_limits
from madang.sync.destinations.row_columns import EventOptions, RowOptions
from madang.sync.destinations.rows import compact, plain
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

BYTES_LIMIT = 1_000_000  # of a request's rows, so that a small endpoint can take it
REFUSALS = (400, 409, 413, 422)


class WebhookSettings(DestinationSettings):
    """An endpoint. The secret that signs is in the environment variable that is named here.

    `answers`: whether it says what became of each row, or of the batch alone.
    """

    url: HttpAddress
    secret_env: EnvironmentName = "MADANG_WEBHOOK_SECRET"
    answers: Literal["batch", "rows"] = "batch"
    rows_per_request: Annotated[int, Field(ge=1, le=10_000)] = 500
    timeout_seconds: Annotated[float, Field(gt=0)] = 30


class Webhook:
    """Rows of one object, in batches."""

    @classmethod
    def open(cls, opening: Opening) -> "Webhook":
        """Raises ConfigError where the secret is missing."""
        from madang.http.auth import Signature

        secret = opening.secret("secret_env", "the secret that the endpoint checks signatures by")
        client = opening.client("The endpoint", Signature(secret), "Look at the endpoint.")
        return cls(client, opening.settings, opening.sends or "")

    def __init__(self, client: "Client", settings: WebhookSettings, sends: str) -> None:
        self._client, self._settings, self._sends = client, settings, sends
        self._plan_id: str | None = None
        self.objects_per_request = settings.rows_per_request

    @property
    def requests(self) -> int:
        return self._client.requests

    def planned(self, plan_id: str) -> None:
        """Note which plan is sent: each request says it."""
        self._plan_id = plan_id

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group objects, in order, by number and size."""
        encoded = ((one, b",".join(self._rows(one))) for one in objects)
        return within_limits(encoded, self.objects_per_request, BYTES_LIMIT)

    def send(self, batch: Batch) -> Receipt:
        """Send a batch. Raises DestinationRefused, DestinationUnclear or DestinationDown."""
        head = compact({"object": self._sends, "plan_id": self._plan_id})[:-1].encode()
        body = head + b',"rows":[' + b",".join(batch.encoded) + b"]}"
        key = {"Idempotency-Key": hashlib.sha256(body).hexdigest()}
        reply = self._client.post("", body, key)
        told = judge(reply, [row_ids(one) for one in batch.objects], self._settings.answers)
        numbers = [one.number for one in batch.objects]
        return Receipt(dict(zip(numbers, told, strict=True)), reply.status, reply.attempts)

    def close(self) -> None:
        self._client.close()

    def _rows(self, one: SyncObject) -> Iterator[bytes]:
        """Write the rows of an object; a value goes as the JSON that it is."""
        for change, row_id in zip(one.changes, row_ids(one), strict=True):
            operation = "remove" if change.value is None else "set"
            row = {"id": row_id, "key": one.key, "field": change.field, "operation": operation}
            head = plain(row)[:-1]
            yield f'{head},"value":{change.value or "null"}}}'.encode()


def row_ids(one: SyncObject) -> list[str]:
    """Return a name for each row of an object: the same change has the same name again."""
    return [
        hashlib.sha256(
            "\x1f".join((one.key, change.field, change.value or "")).encode()
        ).hexdigest()[:32]
        for change in one.changes
    ]


def judge(reply: "Reply", ids: list[list[str]], answers: str) -> list[Outcome]:
    """Return what became of each object, by the ids of its rows."""
    if reply.status in REFUSALS:
        words = harmless(str((reply.body or {}).get("reason") or "")) or "no reason"
        return [_rejected(f"{reply.status}: {words}")] * len(ids)
    if reply.status in (401, 403, 404, 410):
        raise DestinationRefused(
            f"The endpoint refuses the signature or the address ({reply.status}).",
            fix="Check webhook.url, and that both sides have the same secret and the right time.",
        )
    is_object = reply.body is not None
    if not reply.is_good or (reply.content.strip() and not is_object):
        raise _not_understood(reply)
    if answers == "batch":
        return [ACCEPTED] * len(ids)
    results = (reply.body or {}).get("results")
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise _not_understood(reply)
    told: dict[Any, Mapping[str, Any]] = {one.get("id"): one for one in results}
    wanted = {each for rows in ids for each in rows}
    if told.keys() != wanted or len(results) != len(wanted):
        raise _not_understood(reply)
    if not {one.get("status") for one in results} <= {"ok", "rejected"}:
        raise _not_understood(reply)
    return [_of_rows([told[each] for each in rows]) for rows in ids]


def _of_rows(rows: list[Mapping[str, Any]]) -> Outcome:
    refused = [one for one in rows if one["status"] == "rejected"]
    if not refused:
        return ACCEPTED
    return _rejected(harmless(str(refused[0].get("reason") or "")) or "no reason")


def _rejected(problem: str) -> Outcome:
    return Outcome(
        "rejected",
        reason="refused by the endpoint",
        problem=problem,
        fix="Correct the activation model or the endpoint, then plan again.",
    )


def _not_understood(reply: "Reply") -> DestinationUnclear:
    return DestinationUnclear(
        f"This address answered {reply.status}, but not as an endpoint of ours does.",
        fix="Check webhook.url and webhook.answers. What this request held may have arrived.",
    )


ENTRY = Entry(
    settings=WebhookSettings,
    objects={
        "attributes": ObjectKind("attributes", keys=("key",), options=RowOptions),
        "members": ObjectKind("members", keys=("key",), options=RowOptions),
        "events": ObjectKind("events", keys=("event_id",), options=EventOptions),
        "idempotent_events": ObjectKind(
            "events", keys=("event_id",), options=EventOptions, tells_doubles=True
        ),
    },
    destination=Webhook,
    sandbox="madang.sandbox.webhook",
)
