"""What an answer of Meta's says: taken, invalid members, wait, try again, or refused.

An error is `{"error": {"message", "code", "error_subcode", "is_transient", "error_user_msg"}}`,
mostly with HTTP 400: https://developers.facebook.com/docs/marketing-api/error-reference
"""

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from madang.http.exchange import read_json
from madang.sync import DestinationRefused
from madang.sync.destinations.ad_answers import (
    AGAIN,
    NEVER_AGAIN,
    plain_reference,
    refused_by,
    unlike,
)
from madang.sync.destinations.base import Outcome
from madang.sync.destinations.members import ListTrouble
from madang.sync.destinations.parts import Answer
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

LIMITED = frozenset({4, 17, 32, 613, 80003})  # too many calls: of the app, user, account
FAILED = frozenset({1, 2})  # an error of theirs that passes
LOGIN = frozenset({10, 102, 190, 200, 294})
EVENT_WRONG = 2804000  # subcodes of what is wrong with an event: 2804001 and those after it
FIXES = {
    1713230: "Meta blocks this audience for what its name suggests: rename it, or leave it out.",
    2655: "Accept the terms of custom audiences in Meta's Ads Manager.",
    2650: "The audience was begun with other columns: delete it there; the next run makes it anew.",
    1487366: "The audience was deleted there: the next run makes it anew.",
    1487301: "Ask the owner of the audience to share it with the ad account.",
}
#: Codes that are about one audience; 2655, the terms, is about all.
OF_A_LIST = frozenset({1713230, 2650, 1487366, 1487301})
not_understood = partial(unlike, "Meta")


def trouble(status: int, content: bytes) -> Literal["limited", "failed"] | None:
    """Say what an answer's code means for asking again, whatever its HTTP status."""
    error = _error(read_json(content))
    if error is None:
        return None
    code = error.get("code")
    if code in LIMITED:
        return "limited"
    return "failed" if code in FAILED or error.get("is_transient") is True else None


def checked(reply: "Reply", redact: Callable[[str], str], then: str = AGAIN) -> "Reply":
    """Return a good answer. Raises DestinationRefused in Meta's words, DestinationUnclear."""
    error = _error(reply.body)
    if reply.is_good and reply.body is not None and error is None:
        return reply
    if error is None:
        raise not_understood(reply, then)
    code, subcode = error.get("code"), error.get("error_subcode")
    is_of_list = subcode in OF_A_LIST or code in OF_A_LIST
    told = error.get("error_user_msg") or error.get("message") or "no message"
    fix = FIXES.get(subcode) or FIXES.get(code)  # type: ignore[call-overload]
    if fix is None and code in LOGIN:
        fix = "Check the access token, that it has ads_management, and ad_account_id."
    raise (ListTrouble if is_of_list else DestinationRefused)(
        f"Meta refuses: {harmless(redact(str(told)))} (code {_number(code)})",
        fix=fix or "Read what Meta says; nothing of this request was taken.",
    )


def refused_events(reply: "Reply", redact: Callable[[str], str]) -> Outcome | None:
    """Return how a request's events were refused; None where Meta took them.

    Only what Meta says of an event is that; what else it refuses stops the run: raises as
    `checked`. A refusal may stand in an answer with HTTP 200.
    """
    error = _error(reply.body)
    subcode = error.get("error_subcode") if error else None
    if (
        error
        and error.get("code") == 100
        and type(subcode) is int
        and 0 < subcode - EVENT_WRONG < 1000
    ):
        told = error.get("error_user_msg") or error.get("message") or "no message"
        words = harmless(redact(str(told)))
        return refused_by("Meta", f"{words} (code 100, {subcode})")
    checked(reply, redact, NEVER_AGAIN)
    return None


def taken_events(reply: "Reply", count: int) -> str | None:
    """Return Meta's name of a request of so many events. Raises DestinationUnclear.

    An answer that counts others is not understood: which of them were taken is not said.
    """
    body = reply.body or {}
    if type(body.get("events_received")) is not int or body["events_received"] != count:
        raise not_understood(reply, NEVER_AGAIN)
    return plain_reference(body.get("fbtrace_id"))


def members_answer(reply: "Reply", count: int) -> Answer:
    """Return what an answer says of so many members: Meta counts the invalid, and names none.

    Raises DestinationUnclear.
    """
    body = reply.body or {}
    received, invalid = body.get("num_received"), body.get("num_invalid_entries")
    if type(received) is not int or type(invalid) is not int:
        raise not_understood(reply)
    if received != count or not 0 <= invalid <= count:
        raise not_understood(reply)
    if not invalid:
        return Answer(is_taken=True)
    alone = refused_by("Meta", "Meta counts this member as invalid.")
    if invalid == count:
        return Answer(alone=alone)
    some = f"Meta counts {invalid:,} of {count:,} members as invalid, this one perhaps."
    return Answer(alone=alone, in_part=Outcome("unknown", reason="taken in part", problem=some))


def _error(body: Any) -> dict[str, Any] | None:
    error = body.get("error") if isinstance(body, dict) else None
    if error is None:
        return None
    return error if isinstance(error, dict) else {"message": json.dumps(error)[:200]}


def _number(code: Any) -> str:
    return str(code) if type(code) is int else "unknown"
