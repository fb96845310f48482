"""What an answer of TikTok's says: taken, taken in part, wait, try again, or refused.

An answer is `{"code", "message", "request_id", "data"}`, mostly with HTTP 200; the code alone says
what became of the request: https://business-api.tiktok.com/portal/docs?id=1737172488964097. What
the codes mean was read in published source beside it: 0 taken, 20001 in part, 40001 no permission,
40002 a parameter is wrong, 40100 too many requests, 40700 an error of theirs.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from madang.http.exchange import read_json
from madang.sync import DestinationRefused
from madang.sync.destinations.ad_answers import AGAIN, plain_reference, refused_by, unlike
from madang.sync.destinations.base import Outcome
from madang.sync.destinations.parts import Answer
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

TAKEN, IN_PART, WRONG, LIMITED = 0, 20001, 40002, 40100
FAILED = frozenset({40700, *range(50000, 50100)})  # an error of theirs that passes
LOGIN = frozenset({40001, 40101, 40102, 40104, 40105})
not_understood = partial(unlike, "TikTok")


def trouble(status: int, content: bytes) -> Literal["limited", "failed"] | None:
    """Say what an answer's code means for asking again, whatever its HTTP status."""
    code = _code(read_json(content))
    if code == LIMITED:
        return "limited"
    return "failed" if code in FAILED else None


def checked(reply: "Reply", redact: Callable[[str], str], then: str = AGAIN) -> "Reply":
    """Return an answer about rows: taken, in part, or that something in it is wrong.

    Raises DestinationRefused in TikTok's words for what is about no row, DestinationUnclear.
    """
    code = _code(reply.body)
    if code is None or (code in (TAKEN, IN_PART) and not reply.is_good):
        raise not_understood(reply, then)
    if code in (TAKEN, IN_PART, WRONG):
        return reply
    fix = "Read what TikTok says; nothing of this request was taken."
    if code in LOGIN:
        fix = (
            "Check the access token: that it is of this advertiser (advertiser_id), and that the "
            "app still has its scopes (audiences for lists, events for conversions)."
        )
    raise DestinationRefused(f"TikTok refuses: {_words(reply, redact)} (code {code})", fix=fix)


def answered(reply: "Reply", redact: Callable[[str], str], then: str = AGAIN) -> Answer:
    """Return what an answer says of the rows of its request. Raises as `checked`."""
    body = checked(reply, redact, then).body or {}
    if body["code"] == TAKEN:
        return Answer(is_taken=True, reference=plain_reference(body.get("request_id")))
    words = f"{_words(reply, redact)} (code {body['code']})"
    if body["code"] == IN_PART:
        unknown = Outcome("unknown", reason="taken in part", problem=words)
        return Answer(alone=unknown, in_part=unknown)
    return Answer(alone=refused_by("TikTok", words))


def data_of(reply: "Reply", redact: Callable[[str], str]) -> dict[str, Any]:
    """Return the data of an answer that is about no rows. Raises as `checked`."""
    body = checked(reply, redact).body or {}
    if body["code"] != TAKEN:
        raise DestinationRefused(
            f"TikTok refuses: {_words(reply, redact)} (code {body['code']})",
            fix="Check advertiser_id in madang.yml.",
        )
    data = body.get("data")
    if not isinstance(data, dict):
        raise not_understood(reply)
    return data


def _code(body: Any) -> int | None:
    code = body.get("code") if isinstance(body, dict) else None
    return code if type(code) is int else None


def _words(reply: "Reply", redact: Callable[[str], str]) -> str:
    return harmless(redact(str((reply.body or {}).get("message") or "no message")))
