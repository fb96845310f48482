"""What an answer of Meta's says: taken, invalid members, wait, try again, or refused.

An error is `{"error": {"message", "code", "error_subcode", "is_transient", "error_user_msg"}}`,
mostly with HTTP 400: https://developers.facebook.com/docs/marketing-api/error-reference
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from madang.http.exchange import read_json
from madang.sync import DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import Outcome
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

LIMITED = frozenset({4, 17, 32, 613, 80003})  # too many calls: of the app, user, account
FAILED = frozenset({1, 2})  # an error of theirs that passes
LOGIN = frozenset({10, 102, 190, 200, 294})
FIXES = {
    1713230: "Meta blocks this audience for what its name suggests: rename it, or leave it out.",
    2655: "Accept the terms of custom audiences in Meta's Ads Manager.",
    2650: "The audience was begun with other columns: delete it there; the next run makes it anew.",
    1487366: "The audience was deleted there: the next run makes it anew.",
}


def trouble(status: int, content: bytes) -> Literal["limited", "failed"] | None:
    """Say what an answer's code means for asking again, whatever its HTTP status."""
    error = _error(read_json(content)) if status >= 400 else None
    if error is None:
        return None
    code = error.get("code")
    if code in LIMITED:
        return "limited"
    return "failed" if code in FAILED or error.get("is_transient") is True else None


def checked(reply: "Reply", redact: Callable[[str], str]) -> "Reply":
    """Return a good answer. Raises DestinationRefused in Meta's words, DestinationUnclear."""
    error = _error(reply.body)
    if reply.is_good and reply.body is not None and error is None:
        return reply
    if error is None:
        raise not_understood(reply)
    code, subcode = error.get("code"), error.get("error_subcode")
    told = error.get("error_user_msg") or error.get("message") or "no message"
    fix = FIXES.get(subcode) or FIXES.get(code)  # type: ignore[call-overload]
    if fix is None and code in LOGIN:
        fix = "Check the access token, that it has ads_management, and ad_account_id."
    raise DestinationRefused(
        f"Meta refuses: {harmless(redact(str(told)))} (code {_number(code)})",
        fix=fix or "Read what Meta says; nothing of this request was taken.",
    )


def invalid_entries(reply: "Reply", count: int) -> int:
    """Return how many members of a request Meta counts as invalid, without saying which."""
    body = reply.body or {}
    received, invalid = body.get("num_received"), body.get("num_invalid_entries")
    if type(received) is not int or type(invalid) is not int:
        raise not_understood(reply)
    if received != count or not 0 <= invalid <= count:
        raise not_understood(reply)
    return invalid


def rejected() -> Outcome:
    """Return the outcome of a member that Meta counts as invalid."""
    return Outcome(
        "rejected",
        reason="refused by meta",
        problem="Meta counts this member as invalid.",
        fix="Correct the activation model or its source, then plan and apply again.",
    )


def not_understood(reply: "Reply") -> DestinationUnclear:
    """Return the error for an answer that does not say what became of the request."""
    return DestinationUnclear(
        f"This address answered {reply.status}, but not as Meta does.",
        fix="Check the URL in madang.yml: it may be a proxy's. What this request held may have "
        "arrived or not; the same command sends it again, which changes nothing there.",
    )


def _error(body: Any) -> dict[str, Any] | None:
    error = body.get("error") if isinstance(body, dict) else None
    if error is None:
        return None
    return error if isinstance(error, dict) else {"message": json.dumps(error)[:200]}


def _number(code: Any) -> str:
    return str(code) if type(code) is int else "unknown"
