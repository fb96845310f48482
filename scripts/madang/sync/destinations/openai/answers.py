"""What an answer of OpenAI's Ads and Conversions APIs says: taken, or which rows are wrong, or no.

An error is `{"error": {"message", "type", "param", "code", "errors": [...]}}`; `param`, there and
in each of `errors`, names the row by its place, as in `events[1].data.type`. One wrong row and
nothing of the request is taken: https://developers.openai.com/ads/conversions-api. What an answer
of success holds there is not on the page: a 2xx with a JSON object without an error is one.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from madang.http.exchange import read_json
from madang.sync import DestinationRefused
from madang.sync.destinations.ad_answers import AGAIN, refused_by, unlike
from madang.sync.destinations.base import Later, Outcome
from madang.sync.destinations.parts import Answer
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

ROW = re.compile(r"(?:events|identifiers)\[(\d+)\]")
BUSY = "custom_audience_mutation_conflict"  # another change is at work: the same again, later
INTERRUPTED = "custom_audience_operation_recovery_required"
NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
not_understood = partial(unlike, "OpenAI")


def trouble(status: int, content: bytes) -> Literal["limited", "failed"] | None:
    """Say what an answer's code means for asking again, whatever its HTTP status."""
    return "limited" if _error(read_json(content)).get("code") == BUSY else None


def checked(reply: "Reply", redact: Callable[[str], str], then: str = AGAIN) -> dict[str, Any]:
    """Return the body of a good answer.

    Raises DestinationRefused in OpenAI's words, DestinationUnclear for what is no answer of theirs.
    """
    error = _error(reply.body)
    if reply.is_good and reply.body is not None and "error" not in reply.body:
        return reply.body
    if not error or reply.is_good:
        raise not_understood(reply, then)
    fix = "Read what OpenAI says; nothing of this request was taken."
    if reply.status in (401, 403):
        fix = (
            "Check the key: lists need an Ads API key of this ad account, conversions a "
            "Conversions API key; both are made in Ads Manager."
        )
    elif reply.status == 404:
        fix = "Check pixel_id in madang.yml, and whether the audience was archived there."
    words = _words(error, redact)
    raise DestinationRefused(f"OpenAI refuses: {words} (HTTP {reply.status})", fix=fix)


def refusal(
    reply: "Reply", count: int, redact: Callable[[str], str], then: str = AGAIN
) -> Answer | None:
    """Return which of `count` rows a refusal is about; None for an answer that is none.

    Raises as `checked` for a refusal that is about no row.
    """
    error = _error(reply.body)
    if reply.status not in (400, 413, 422) or not error:
        checked(reply, redact, then)
        return None
    told = error.get("errors")
    listed = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    named: dict[int, Outcome] = {}
    for one in [*listed, error]:
        found = ROW.search(str(one.get("param")))
        if found is not None and int(found[1]) < count:
            named.setdefault(int(found[1]), refused_by("OpenAI", _words(one, redact)))
    return Answer(named=named, alone=refused_by("OpenAI", _words(error, redact)))


def operation(reply: "Reply", redact: Callable[[str], str]) -> str:
    """Return the id of a change of an audience that was taken. Raises as `checked`."""
    body = checked(reply, redact)
    found, status = body.get("operation_id"), body.get("status")
    is_name = isinstance(found, str) and NAME.fullmatch(found)
    if not is_name or status not in ("processing", "succeeded", "failed"):
        raise not_understood(reply)
    return str(found)


def told_state(reply: "Reply") -> Later | None:
    """Return what became of a change; None while OpenAI is at work, or says nothing to read."""
    status = (reply.body or {}).get("status") if reply.is_good else None
    if status == "succeeded":
        return Later("applied")
    return Later("failed", "OpenAI says that the change failed.") if status == "failed" else None


def is_interrupted(reply: "Reply") -> bool:
    """Say whether a change stopped in the middle and waits to be resumed."""
    return reply.status == 409 and _error(reply.body).get("code") == INTERRUPTED


def _error(body: Any) -> dict[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _words(error: dict[str, Any], redact: Callable[[str], str]) -> str:
    words = harmless(redact(str(error.get("message") or "no message")))
    code = error.get("code")
    return f"{words} ({code})" if isinstance(code, str) and NAME.fullmatch(code) else words
