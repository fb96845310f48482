"""Braze: sets user attributes with POST /users/track and reads what it answers, object by object.

The contract, with the vendor's pages:
- https://www.braze.com/docs/api/endpoints/user_data/post_user_track (objects, ids, null removes)
- https://www.braze.com/docs/api/api_limits (50 or 75 objects a request by contract, 4 MB)
- https://www.braze.com/docs/api/endpoints/user_data/post_user_delete (50 ids, for good)
- https://www.braze.com/docs/api/errors (message and errors; 4xx is fatal, 201 may hold errors)
- how its answers are read: `braze_answers`
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from madang.specs.strict import EnvironmentName, HttpAddress
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import (
    Batch,
    DestinationSettings,
    Entry,
    NoOptions,
    ObjectKind,
    Opening,
    Outcome,
    Receipt,
    SyncObject,
)
from madang.sync.destinations.braze_answers import (
    Verdict,
    complaints,
    judge,
    not_understood,
    rejected,
    words_of,
)
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Client, Reply

PATH = "/users/track"
DELETE_PATH = "/users/delete"
DELETE_LIMIT = 50  # ids a request
PAYLOAD_LIMIT = 4_000_000  # bytes; more is answered with 413
ENVELOPE = b'{"attributes":[%s]}'
# names that mean something else in an attributes object than a value to store
RESERVED = frozenset(
    {"external_id", "user_alias", "braze_id", "_update_existing_only", "push_token_import"}
)
SYSTEMATIC = 10  # when so many objects of one request all fail, it is not about the objects


class BrazeSettings(DestinationSettings):
    """One Braze instance; its REST API key is in the environment variable `key_env`."""

    url: HttpAddress
    key_env: EnvironmentName
    objects_per_request: Annotated[int, Field(ge=1)] = 50
    connections: Annotated[int, Field(ge=1, le=32)] = 8
    timeout_seconds: Annotated[float, Field(gt=0)] = 30


class UserOptions(NoOptions):
    """`create_missing`: whether Braze may create a user whom it does not know."""

    create_missing: bool = False


class Braze:
    """User attributes by external_id."""

    connections = 1  # a user is one object of a run, so that the order of batches means nothing

    @classmethod
    def open(cls, opening: Opening) -> "Braze":
        """Raises ConfigError where the key is missing."""
        from madang.http.auth import Bearer

        key = opening.secret("key_env", "a REST API key that may call users.track")
        check = "Check the address in madang.yml and Braze's status page."
        made = cls(
            opening.client("Braze", Bearer(key), check),
            objects_per_request=opening.settings.objects_per_request,
            create_missing=bool(opening.options and opening.options.create_missing),
        )
        made.connections = opening.settings.connections
        return made

    def __init__(
        self, http: "Client", *, objects_per_request: int = 50, create_missing: bool = False
    ) -> None:
        self._http = http
        self._create_missing = create_missing
        self._has_accepted = False
        self.objects_per_request = objects_per_request

    @property
    def requests(self) -> int:
        return self._http.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group objects, in order, by the limits on their number and on the payload's size."""
        taken: list[SyncObject] = []
        encoded: list[bytes] = []
        size = len(ENVELOPE)
        for one in objects:
            content = encode(one, create_missing=self._create_missing)
            full = len(taken) == self.objects_per_request
            if taken and (full or size + len(content) + 1 > PAYLOAD_LIMIT):
                yield Batch(tuple(taken), tuple(encoded))
                taken, encoded, size = [], [], len(ENVELOPE)
            taken.append(one)
            encoded.append(content)
            size += len(content) + 1
        if taken:
            yield Batch(tuple(taken), tuple(encoded))

    def send(self, batch: Batch) -> Receipt:
        """Send a batch, in parts where Braze does not say which object it means."""
        receipt = Receipt()
        waiting = [list(range(len(batch.objects)))]
        while waiting:
            places = waiting.pop()
            reply = self._http.post(PATH, payload([batch.encoded[place] for place in places]))
            receipt.http_status = reply.status
            receipt.attempts += reply.attempts
            verdict = self._judged(reply, len(places))
            for at in verdict.accepted:
                receipt.outcomes[batch.objects[places[at]].number] = Outcome("accepted")
            for at, problem in verdict.rejected.items():
                receipt.outcomes[batch.objects[places[at]].number] = rejected(problem)
            if verdict.again:
                waiting.append([places[at] for at in verdict.again])
            unclear = [places[at] for at in verdict.unclear]
            if len(unclear) == 1:
                receipt.outcomes[batch.objects[unclear[0]].number] = rejected(verdict.words)
            elif unclear:
                middle = len(unclear) // 2
                waiting += [unclear[middle:], unclear[:middle]]
            self._stop_if_systematic(batch, receipt, reply)
        return receipt

    def delete(self, keys: Sequence[str]) -> int | None:
        """Delete users by external_id, for good; return the last HTTP status.

        Braze counts those that it knew and passes over the others, so that asking again is safe.
        Raises DestinationRefused for an answer that is no plain success, DestinationDown for none.
        """
        status = None
        for first in range(0, len(keys), DELETE_LIMIT):
            body = json.dumps({"external_ids": list(keys[first : first + DELETE_LIMIT])})
            reply = self._http.post(DELETE_PATH, body.encode())
            status, body = reply.status, reply.body or {}
            wrong = complaints(body, is_success=True)
            if status not in (200, 201) or body.get("message") != "success" or wrong:
                words = words_of(wrong[0] if wrong else body.get("message") or "no message")
                raise DestinationRefused(
                    f"Braze did not delete: HTTP {status}, {self._clean(words)}",
                    fix="The key must be allowed to call users.delete.",
                )
        return status

    def close(self) -> None:
        self._http.close()

    def _judged(self, reply: "Reply", count: int) -> Verdict:
        """Judge an answer; take the key and personal data out of its words before anyone sees."""
        verdict = judge(reply, count, self._clean)
        verdict.words = self._clean(verdict.words)
        verdict.rejected = {at: self._clean(words) for at, words in verdict.rejected.items()}
        if reply.status in (401, 403):
            raise self._refused(reply.status, verdict.words)
        if not 200 <= reply.status < 500:
            raise not_understood(reply, "Its status means nothing.")
        if reply.status not in (400, 413) and reply.status >= 300:
            raise self._unexpected(reply.status, verdict.words)
        self._has_accepted |= bool(verdict.accepted)
        return verdict

    def _clean(self, words: str) -> str:
        return harmless(self._http.redact(words))

    def _stop_if_systematic(self, batch: Batch, receipt: Receipt, reply: "Reply") -> None:
        """Stop where a whole request failed for one reason before anything was ever accepted.

        Then it is the attribute or the account, and all the rest would fail alike. Of a 4xx it is
        sure that nothing was stored; beside a 2xx it is not.
        """
        outcomes = list(receipt.outcomes.values())
        if self._has_accepted or len(outcomes) < max(SYSTEMATIC, len(batch.objects)):
            return
        if all(one.status == "rejected" for one in outcomes):
            reasons = {one.problem for one in outcomes}
            if len(reasons) == 1:
                is_sure = reply.status >= 400
                fix = "Correct the activation model, then plan again."
                fix += " Nothing of this request was stored." if is_sure else ""
                raise (DestinationRefused if is_sure else DestinationUnclear)(
                    f"Braze refuses every object of a request: {reasons.pop()}",
                    where=self._http.url + PATH,
                    fix=fix,
                )

    def _refused(self, status: int, words: str) -> DestinationRefused:
        if status == 401:
            return DestinationRefused(
                f"Braze does not accept the key: {words or '401 Unauthorized'}",
                where=self._http.url,
                fix="Check the key. A right key is refused too when the address is another "
                "instance's: compare the URL in madang.yml with the one in Braze under Settings > "
                "APIs and Identifiers (Korea: https://rest.kr-01.braze.com).",
            )
        return DestinationRefused(
            f"Braze forbids this: {words or '403 Forbidden'}",
            where=self._http.url,
            fix="Give the REST API key the permission users.track, and check its IP allowlist.",
        )

    def _unexpected(self, status: int, words: str) -> DestinationRefused:
        return DestinationRefused(
            f"This address does not answer as Braze's REST API does: HTTP {status}"
            + (f", {words}" if words else "."),
            where=self._http.url + PATH,
            fix="The URL in madang.yml must be the REST endpoint of your Braze instance, such as "
            "https://rest.kr-01.braze.com, without a path.",
        )


def field_problem(field: str) -> str | None:
    """Say why Braze would not store an attribute of this name, or None."""
    if field in RESERVED:
        return f"'{field}' has a meaning of its own in Braze and cannot be an attribute."
    if not field or len(field) > 255:
        return "An attribute's name has 1 to 255 characters."
    if field.startswith("$"):
        return f"'{field}' begins with $, which Braze keeps for its own names."
    return None


def attributes(one: SyncObject, *, create_missing: bool = False) -> dict[str, Any]:
    """Return an object's attributes as Braze takes them: null removes an attribute.

    Only a sync that says so creates the user whom it is about, and never by a removal.
    """
    built: dict[str, Any] = {"external_id": one.key}
    if not create_missing or all(change.value is None for change in one.changes):
        built["_update_existing_only"] = True
    for change in one.changes:
        built[change.field] = None if change.value is None else json.loads(change.value)
    return built


def encode(one: SyncObject, *, create_missing: bool = False) -> bytes:
    """Return an object as it stands in a request."""
    built = attributes(one, create_missing=create_missing)
    return json.dumps(built, ensure_ascii=False, separators=(",", ":")).encode()


def payload(encoded: Sequence[bytes]) -> bytes:
    """Return the body of a request."""
    return ENVELOPE % b",".join(encoded)


ENTRY = Entry(
    settings=BrazeSettings,
    objects={
        "user_attributes": ObjectKind(
            "attributes", keys=("external_id",), field_problem=field_problem, options=UserOptions
        )
    },
    destination=Braze,
    sandbox="madang.sandbox.braze",
)
