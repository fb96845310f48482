"""What an answer of Braze's says about the objects of its request: accepted, rejected or unclear.

An entry of `errors` that names an object has the shape
`{"type": "<what is wrong>", "input_array": "attributes", "index": <0-based in that array>}`.
The vendor's pages do not show it, so an answer of another shape is never read as success: where
it names an error, the objects are sent again in halves until the answer is about one of them
(setting an attribute twice changes nothing, so that is safe); where it cannot be understood at all,
the run stops and what became of the request is unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from madang.sync import DestinationUnclear
from madang.sync.destinations.base import Outcome
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

# what an answer may say; whatever else stands there may say that something failed
KNOWN = frozenset({"message", "attributes_processed", "deleted"})
OTHER_COUNTS = frozenset({"events_processed", "purchases_processed"})


@dataclass
class Verdict:
    """What one answer says about the objects of its request, by their position."""

    accepted: list[int] = field(default_factory=list)
    rejected: dict[int, str] = field(default_factory=dict)
    again: list[int] = field(default_factory=list)  # not processed, and not to blame
    unclear: list[int] = field(default_factory=list)  # one of these is to blame
    words: str = ""


def judge(reply: "Reply", count: int, clean: Callable[[str], str] = harmless) -> Verdict:
    """Read an answer about `count` objects. Statuses other than 2xx, 400 and 413 only get words.

    `clean` takes out of foreign words what is not to be shown. Raises DestinationUnclear for a 2xx
    that is not Braze's word of success.
    """
    body = reply.body or {}
    verdict = Verdict(words=words_of(body.get("message") or ""))
    everything = list(range(count))
    if reply.status == 413:
        verdict.words = verdict.words or "The object is larger than Braze takes."
        verdict.unclear = everything
        return verdict
    succeeded = 200 <= reply.status < 300
    if succeeded and (reply.body is None or "message" not in body):
        raise not_understood(reply, "There is no message in JSON.")
    if succeeded and body["message"] != "success":
        raise not_understood(reply, f"Its message is not success: {clean(verdict.words)}")
    if not succeeded and reply.status != 400:
        return verdict
    told = [_place(error, count, verdict) for error in complaints(body, succeeded)]
    misplaced = [text for text in told if text is not None]
    left = [place for place in everything if place not in verdict.rejected]
    if misplaced:
        verdict.words = misplaced[0]
        verdict.unclear = left
    elif not succeeded:
        # Fatal: nothing was processed. With the culprits named, the others can go again.
        named = bool(verdict.rejected)
        verdict.again, verdict.unclear = (left, []) if named else ([], left)
    elif (processed := _processed(reply, len(left), count)) < len(left):
        verdict.words = f"Braze processed {processed} of {len(left)}, without saying which."
        verdict.unclear = left
    else:
        verdict.accepted = left
    return verdict


def complaints(body: dict[str, Any], is_success: bool) -> list[Any]:
    """Return the errors of an answer, under whatever name they stand.

    In an answer of success, all that is neither known nor empty may say that something failed.
    """
    found = []
    for name, value in body.items():
        if value in (None, "", [], {}) or name in KNOWN:
            continue
        is_zero = type(value) in (int, bool) and not value
        if "error" in name.lower():
            found += value if isinstance(value, list) else [] if is_zero else [value]
        elif is_success and not (is_zero and name in OTHER_COUNTS):
            found.append(f"{name}: {words_of(value)}")
    return found


def not_understood(reply: "Reply", why: str) -> DestinationUnclear:
    """Return the error for an answer that does not say what became of the request."""
    return DestinationUnclear(
        f"This address answered {reply.status}, but not as Braze does. {why}",
        fix="Check the URL in madang.yml: it may be a proxy's or a login page's. What this request "
        "held may have arrived or not; the same command sends it again.",
    )


def rejected(problem: str) -> Outcome:
    """Return the outcome of an object that Braze refused, with its words as the problem."""
    return Outcome(
        "rejected",
        reason="refused by braze",
        problem=problem or "Braze gave no reason.",
        fix="Correct the value in the activation model or its source, then plan and apply again.",
    )


def _place(error: Any, count: int, verdict: Verdict) -> str | None:
    """Note a named object as rejected; return the words of an error that names none."""
    if isinstance(error, dict):
        index, text = (
            error.get("index"),
            words_of(error.get("type") or error.get("message") or error),
        )
        named = error.get("input_array", "attributes") == "attributes"
        if named and type(index) is int and 0 <= index < count:
            verdict.rejected[index] = text
            return None
        return text
    return words_of(error)


def words_of(said: Any) -> str:
    try:
        return str(said)[:1000]
    except RecursionError:  # nested as deep as it could just be read
        return "an error that cannot be read"


def _processed(reply: "Reply", least: int, most: int) -> int:
    """Return how many objects the answer says were processed; where it says nothing, all."""
    processed = (reply.body or {}).get("attributes_processed", least)
    if type(processed) is not int or not 0 <= processed <= most:
        raise not_understood(reply, "The number of objects that it processed is none.")
    return processed
