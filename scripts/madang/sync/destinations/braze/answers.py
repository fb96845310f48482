"""What an answer of Braze's says about the objects of its request: accepted, rejected or unclear.

An entry of `errors` that names an object has the shape
`{"type": "<what is wrong>", "input_array": "attributes", "index": <0-based in that array>}`.
The vendor's pages do not show it, so an answer of another shape is never read as success: where
it names an error, attributes are sent again in halves until the answer is about one of them
(setting an attribute twice changes nothing, so that is safe), and what must not be repeated is
unknown; where it cannot be understood at all, the run stops and what became of the request is
unknown. Catalogs name items by their ids: `{"id": "<what is wrong>", "message": …,
"parameters": ["id"], "parameter_values": ["<id of an item>"]}`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from madang.sync import DestinationUnclear
from madang.sync.destinations.base import Outcome
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

# what an answer may say; whatever else stands there may say that something failed
KNOWN = frozenset({"message", "deleted"})
ARRAYS = ("attributes", "events", "purchases")
COUNTS = frozenset(f"{array}_processed" for array in ARRAYS)
#: Where an object stands in a request: the array and its place there; of an item `id` and its id.
Place = tuple[str, int | str]


@dataclass
class Verdict:
    """What one answer says about the objects of its request, by their position."""

    accepted: list[int] = field(default_factory=list)
    rejected: dict[int, str] = field(default_factory=dict)
    again: list[int] = field(default_factory=list)  # not processed, and not to blame
    unclear: list[int] = field(default_factory=list)  # one of these is to blame
    words: str = ""


def judge(
    reply: "Reply",
    places: int | Sequence[Place],
    clean: Callable[[str], str] = harmless,
    known: frozenset[str] = frozenset(),
) -> Verdict:
    """Read an answer about objects in these places; a number stands for so many attributes.

    Statuses other than 2xx, 400 and 413 only get words. `clean` takes out of foreign words what is
    not to be shown, `known` names what may stand in an answer of success. Raises DestinationUnclear
    for a 2xx that is not Braze's word of success.
    """
    body = reply.body or {}
    verdict = Verdict(words=words_of(body.get("message") or ""))
    if isinstance(places, int):
        places = [("attributes", number) for number in range(places)]
    at = {place: number for number, place in enumerate(places)}
    everything = list(range(len(places)))
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
    counted = frozenset(f"{array}_processed" for array, _ in places)
    told = [_place(error, at, verdict) for error in complaints(body, succeeded, counted | known)]
    misplaced = [text for text in told if text is not None]
    left = [place for place in everything if place not in verdict.rejected]
    if misplaced:
        verdict.words = misplaced[0]
        verdict.unclear = left
    elif not succeeded:
        # Fatal: nothing was processed. With the culprits named, the others can go again.
        named = bool(verdict.rejected)
        verdict.again, verdict.unclear = (left, []) if named else ([], left)
    elif (processed := _processed(reply, places, left)) < len(left):
        verdict.words = f"Braze processed {processed} of {len(left)}, without saying which."
        verdict.unclear = left
    else:
        verdict.accepted = left
    return verdict


def complaints(
    body: dict[str, Any], is_success: bool, known: frozenset[str] = frozenset()
) -> list[Any]:
    """Return the errors of an answer, under whatever name they stand.

    In an answer of success, all that is neither known nor empty may say that something failed.
    """
    found = []
    for name, value in body.items():
        if value in (None, "", [], {}) or name in KNOWN or name in known:
            continue
        is_zero = type(value) in (int, bool) and not value
        if "error" in name.lower():
            found += value if isinstance(value, list) else [] if is_zero else [value]
        elif is_success and not (is_zero and name in COUNTS):
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


def _place(error: Any, at: Mapping[Place, int], verdict: Verdict) -> str | None:
    """Note a named object as rejected; return the words of an error that names none."""
    if isinstance(error, dict):
        text = words_of(error.get("type") or error.get("message") or error)
        values = error.get("parameter_values")
        named = [
            at["id", value]
            for value in (values if isinstance(values, list) else [])
            if type(value) is str and ("id", value) in at
        ]
        if named:
            verdict.rejected |= dict.fromkeys(named, f"{words_of(error.get('id', ''))}: {text}")
            return None
        array, index = error.get("input_array", "attributes"), error.get("index")
        if type(array) is str and type(index) is int and (array, index) in at:
            verdict.rejected[at[array, index]] = text
            return None
        return text
    return words_of(error)


def words_of(said: Any) -> str:
    try:
        return str(said)[:1000]
    except RecursionError:  # nested as deep as it could just be read
        return "an error that cannot be read"


def _processed(reply: "Reply", places: Sequence[Place], left: Sequence[int]) -> int:
    """Return how many objects the answer says were processed; where it says nothing, all."""
    body = reply.body or {}
    sent, expected = Counter(array for array, _ in places), Counter(places[n][0] for n in left)
    told = 0
    for array, most in sent.items():
        processed = body.get(f"{array}_processed", expected[array])
        if type(processed) is not int or not 0 <= processed <= most:
            raise not_understood(reply, "The number of objects that it processed is none.")
        told += min(processed, expected[array])
    return told
