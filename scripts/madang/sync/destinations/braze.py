"""Braze: sets user attributes with POST /users/track and reads what it answers, object by object.

The contract, with the vendor's pages:
- https://www.braze.com/docs/api/endpoints/user_data/post_user_track (objects, ids, null removes)
- https://www.braze.com/docs/api/api_limits (50 or 75 objects a request by contract, 4 MB)
- https://www.braze.com/docs/api/endpoints/user_data/post_user_delete (50 ids, for good)
- https://www.braze.com/docs/api/errors (message and errors; 4xx is fatal, 201 may hold errors)
An entry of `errors` that names an object has the shape
`{"type": "<what is wrong>", "input_array": "attributes", "index": <0-based in that array>}`.
The vendor's pages do not show it, so an answer of another shape is never read as success: the
objects are sent again in halves until the answer is about one of them. Setting an attribute twice
changes nothing, so that is safe.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from madang.sync import DestinationRefused
from madang.sync.destinations import Batch, Capabilities, Outcome, Receipt, SyncObject
from madang.sync.http import Http, Reply

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


@dataclass
class Verdict:
    """What one answer says about the objects of its request, by their position."""

    accepted: list[int] = field(default_factory=list)
    rejected: dict[int, str] = field(default_factory=dict)
    again: list[int] = field(default_factory=list)  # not processed, and not to blame
    unclear: list[int] = field(default_factory=list)  # one of these is to blame
    words: str = ""


class Braze:
    """User attributes by external_id."""

    name = "braze"

    def __init__(self, http: Http, *, objects_per_request: int = 50) -> None:
        self._http = http
        self._has_accepted = False
        self.capabilities = Capabilities(objects_per_request, PAYLOAD_LIMIT, is_idempotent=True)

    @property
    def requests(self) -> int:
        return self._http.requests

    def batches(self, objects: Iterable[SyncObject]) -> Iterator[Batch]:
        """Group objects, in order, by the limits on their number and on the payload's size."""
        taken: list[SyncObject] = []
        encoded: list[bytes] = []
        size = len(ENVELOPE)
        for one in objects:
            content = encode(one)
            full = len(taken) == self.capabilities.objects_per_request
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
            self._stop_if_systematic(batch, receipt)
        return receipt

    def delete(self, keys: Sequence[str]) -> int | None:
        """Delete users by external_id, for good; return the last HTTP status.

        Braze counts those that it knew and passes over the others, so that asking again is safe.
        Raises DestinationRefused for an answer that is no success, DestinationDown for none.
        """
        status = None
        for first in range(0, len(keys), DELETE_LIMIT):
            body = json.dumps({"external_ids": list(keys[first : first + DELETE_LIMIT])})
            reply = self._http.post(DELETE_PATH, body.encode())
            status = reply.status
            said = (reply.body or {}).get("message")
            if status not in (200, 201) or said != "success":
                words = harmless(self._http.redact(str(said or "no message")))
                raise DestinationRefused(
                    f"Braze did not delete: HTTP {status}, {words}",
                    fix="The key must be allowed to call users.delete.",
                )
        return status

    def close(self) -> None:
        self._http.close()

    def _judged(self, reply: Reply, count: int) -> Verdict:
        """Judge an answer; take the key and personal data out of its words before anyone sees."""
        verdict = judge(reply, count)
        verdict.words = harmless(self._http.redact(verdict.words))
        verdict.rejected = {
            at: harmless(self._http.redact(words)) for at, words in verdict.rejected.items()
        }
        if reply.status in (401, 403):
            raise self._refused(reply.status, verdict.words)
        if reply.status not in (400, 413) and not 200 <= reply.status < 300:
            raise self._unexpected(reply.status, verdict.words)
        self._has_accepted |= bool(verdict.accepted)
        return verdict

    def _stop_if_systematic(self, batch: Batch, receipt: Receipt) -> None:
        """Stop where a whole request failed for one reason before anything was ever accepted.

        Then it is the attribute or the account, and all the rest would fail alike.
        """
        outcomes = list(receipt.outcomes.values())
        if self._has_accepted or len(outcomes) < max(SYSTEMATIC, len(batch.objects)):
            return
        if all(one.status == "rejected" for one in outcomes):
            reasons = {one.problem for one in outcomes}
            if len(reasons) == 1:
                raise DestinationRefused(
                    f"Braze refuses every object of a request: {reasons.pop()}",
                    where=self._http.url + PATH,
                    fix="Correct the activation model, then plan again. Nothing of this request "
                    "was stored.",
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


def attributes(one: SyncObject) -> dict[str, Any]:
    """Return an object's attributes as Braze takes them: null removes an attribute.

    An object that only removes must not create the user that it is about.
    """
    built: dict[str, Any] = {"external_id": one.key}
    if all(change.value is None for change in one.changes):
        built["_update_existing_only"] = True
    for change in one.changes:
        built[change.field] = None if change.value is None else json.loads(change.value)
    return built


def encode(one: SyncObject) -> bytes:
    """Return an object as it stands in a request."""
    return json.dumps(attributes(one), ensure_ascii=False, separators=(",", ":")).encode()


def payload(encoded: Sequence[bytes]) -> bytes:
    """Return the body of a request."""
    return ENVELOPE % b",".join(encoded)


def judge(reply: Reply, count: int) -> Verdict:
    """Read an answer about `count` objects. Statuses other than 2xx, 400 and 413 only get words."""
    body = reply.body or {}
    verdict = Verdict(words=str(body.get("message") or ""))
    everything = list(range(count))
    if reply.status == 413:
        verdict.words = verdict.words or "The object is larger than Braze takes."
        verdict.unclear = everything
        return verdict
    succeeded = 200 <= reply.status < 300
    if succeeded and (reply.body is None or "message" not in body):
        raise DestinationRefused(
            f"This address answered {reply.status}, but not as Braze does (no message in JSON).",
            fix="Check the URL in madang.yml: it may be a proxy's or a login page's.",
        )
    if not succeeded and reply.status != 400:
        return verdict
    errors = body.get("errors") or []
    errors = errors if isinstance(errors, list) else [errors]
    misplaced = [text for error in errors if (text := _place(error, count, verdict)) is not None]
    left = [place for place in everything if place not in verdict.rejected]
    if misplaced:
        verdict.words = misplaced[0]
        verdict.unclear = left
    elif not succeeded:
        # Fatal: nothing was processed. With the culprits named, the others can go again.
        named = bool(verdict.rejected)
        verdict.again, verdict.unclear = (left, []) if named else ([], left)
    elif _processed(body, len(left)) < len(left):
        verdict.words = "Braze processed fewer objects than it was sent, without saying which."
        verdict.unclear = left
    else:
        verdict.accepted = left
    return verdict


def rejected(problem: str) -> Outcome:
    """Return the outcome of an object that Braze refused, with its words as the problem."""
    return Outcome(
        "rejected",
        reason="refused by braze",
        problem=problem or "Braze gave no reason.",
        fix="Correct the value in the activation model or its source, then plan and apply again.",
    )


def harmless(words: str) -> str:
    """Cut a foreign text short and take out what may be an address, a number or a key."""
    words = re.sub(r"\s+", " ", words).strip()
    words = re.sub(r"[^\s'\"<>]+@[^\s'\"<>]+", "[address]", words)
    words = re.sub(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{20,}\b", "[key]", words)
    words = re.sub(r"\+?\d[\d\s()-]{6,}\d", "[number]", words)
    return words if len(words) <= 200 else f"{words[:199]}…"


def _place(error: Any, count: int, verdict: Verdict) -> str | None:
    """Note a named object as rejected; return the words of an error that names none."""
    if isinstance(error, dict):
        index, text = error.get("index"), str(error.get("type") or error.get("message") or error)
        named = error.get("input_array", "attributes") == "attributes"
        if named and isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count:
            verdict.rejected[index] = text
            return None
        return text
    return str(error)


def _processed(body: dict[str, Any], expected: int) -> int:
    processed = body.get("attributes_processed", expected)
    return processed if isinstance(processed, int) else expected
