"""What an answer of the Data Manager API says: accepted, or which rows are wrong, or refused.

An error is a google.rpc.Status: `{"error": {"code", "message", "status", "details": [...]}}`. Its
detail BadRequest has `fieldViolations` whose `field` names the row by its place in the request:
https://developers.google.com/data-manager/api/devguides/concepts/understand-errors
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from madang.sync import DestinationRefused
from madang.sync.destinations.ad_answers import refused_by, unlike
from madang.sync.destinations.base import Later, MatchRate, Outcome
from madang.sync.destinations.parts import Answer
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

ROW = re.compile(r"(?:audience_?members|events)\[(\d+)\]", re.IGNORECASE)
ACTION = re.compile(r"destinations\[\d+\]\.product_?destination_?id", re.IGNORECASE)
ORDER = ("applied", "partial", "failed")
STATES = {"SUCCESS": "applied", "PARTIAL_SUCCESS": "partial", "FAILED": "failed"}
FIXES = {
    "UNAUTHENTICATED": "Check the secrets of the destination in madang.yml.",
    "PERMISSION_DENIED": "Give the user or service account access to the Google Ads account, and "
    "say in madang.yml by which manager account it is reached (login_account_id).",
    "NOT_FOUND": "Check account_id in madang.yml, and whether the list was deleted there.",
}
#: Reasons for which a row may be sent again; all others are for good.
PASSING = frozenset(
    {"INTERNAL_ERROR", "TOO_RECENT_CLICK", "TOO_RECENT_CALL", "DESTINATION_TOO_RECENTLY_CREATED"}
)
#: A band of Google's: LESS_THAN_20, 61_TO_70.
BANDS = re.compile(r"(?:LESS_THAN_|(\d{1,3})_TO_)(\d{1,3})")
KNOWN = "DUPLICATE_TRANSACTION_ID"  # it has this one
not_understood = partial(unlike, "Google")


class UnknownAction(DestinationRefused):
    """The list or the conversion action of a request is not in this account."""

    words = ""


def judge(reply: "Reply", count: int, redact: Callable[[str], str]) -> Answer:
    """Read an answer about `count` rows.

    A 400 that names no row has only words: one of them is to blame, or what stands around them.
    Raises UnknownAction, DestinationRefused for what else is not about rows, DestinationUnclear for
    what is no answer of Google's.
    """
    body = reply.body
    if reply.is_good:
        request_id = body.get("requestId") if body is not None else None
        if count and (not isinstance(request_id, str) or not request_id or "error" in body):
            raise not_understood(reply)
        reference = request_id if isinstance(request_id, str) else None
        return Answer(is_taken=True, reference=reference)
    error = body.get("error") if body is not None else None
    if not isinstance(error, dict):
        raise not_understood(reply)
    words = harmless(redact(str(error.get("message") or error.get("status") or "no message")))
    violations = list(_violations(error))
    if reply.status != 400 or not count:
        raise _refused(reply, str(error.get("status")), words)
    named: dict[int, Outcome] = {}
    for place, problem in violations:
        found = ROW.search(place)
        if found is None or int(found[1]) >= count:
            told = harmless(redact(f"{place}: {problem}"))
            refused = _refused(reply, str(error.get("status")), told)
            if ACTION.search(place):
                refused = UnknownAction(refused.message, fix=refused.fix)
                refused.words = told
            raise refused
        named[int(found[1])] = rejected(harmless(redact(problem)))
    return Answer(named=named, alone=rejected(words))


def told_state(reply: "Reply") -> Later | None:
    """Return what Google says of a request; None while it is at work, or says nothing to read."""
    listed = (reply.body or {}).get("requestStatusPerDestination")
    if not reply.is_good or not isinstance(listed, list) or not listed:
        return None
    states = [one.get("requestStatus") for one in listed if isinstance(one, dict)]
    if len(states) != len(listed) or not {*states} <= STATES.keys():
        return None
    worst = max((STATES[state] for state in states), key=ORDER.index)
    rates = [rate for one in listed if (rate := _rate(one))]
    warned = [count for one in listed for count in _counts(one, "warning")]
    warnings, rate = _reasons(warned), rates[0] if len(rates) == 1 else None
    noted = {place: ("accepted", reason) for place, (_, reason) in _rows(warned).items()}
    if worst == "applied":
        rows = noted if len(listed) == 1 else {}
        return Later(worst, rows=rows, warnings=warnings, rate=rate)
    counts = [count for one in listed for count in _counts(one, "error")]
    failed = _rows(counts) if len(listed) == 1 else {}
    rows = noted | failed if failed else {}  # else which of the others failed is not said
    return Later(worst, _reasons(counts), rows, warnings=warnings, rate=rate)


def rejected(problem: str) -> Outcome:
    """Return the outcome of a row that Google refused, with its words as the problem."""
    return refused_by("Google", problem or "Google gave no reason.")


def _refused(reply: "Reply", status: str, words: str) -> DestinationRefused:
    if "POLITICAL" in words.upper():
        fix = "Say in Google Ads whether the account runs political ads in the EU."
    else:
        fix = FIXES.get(status, "Read what Google says; nothing of this request was taken.")
    return DestinationRefused(f"Google refuses: {words} (HTTP {reply.status})", fix=fix)


def _violations(error: dict[str, Any]) -> list[tuple[str, str]]:
    details = error.get("details")
    return [
        (str(one.get("field", "")), str(one.get("description") or one.get("reason") or "wrong"))
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, dict)
        for one in detail.get("fieldViolations") or []
        if isinstance(one, dict)
    ]


def _counts(one: dict[str, Any], kind: Literal["error", "warning"]) -> list[dict[str, Any]]:
    counts = (one.get(f"{kind}Info") or {}).get(f"{kind}Counts") or []
    return [each for each in counts if isinstance(each, dict)]


def _reasons(counts: list[dict[str, Any]]) -> str | None:
    told = ", ".join(f"{_reason(one)}: {one.get('recordCount', '?')}" for one in counts)
    return harmless(told) or None


def _rate(one: dict[str, Any]) -> MatchRate | None:
    """Return the match rate of a request's members; Google tells a band, such as 61 to 70 %.

    It stands beside the data that was sent: compositeDataIngestionStatus, or that of userData.
    """
    ingested = one.get("audienceMembersIngestionStatus")
    for status in ingested.values() if isinstance(ingested, dict) else ():
        if not isinstance(status, dict):
            continue
        band = str(status.get("uploadMatchRateRange", "")).removeprefix("MATCH_RATE_RANGE_")
        records = str(status.get("recordCount", ""))
        if band and records.isdecimal():
            ends = BANDS.fullmatch(band)
            low, high = (int(ends[1] or 0), int(ends[2])) if ends else (None, None)
            return MatchRate(re.sub(r"[^A-Z0-9_]", "", band)[:40], low, high, int(records))
    return None


def _reason(count: dict[str, Any]) -> str:
    told = re.sub(r"PROCESSING_(ERROR|WARNING)_(REASON_)?", "", str(count.get("reason", "")))
    return re.sub(r"[^A-Z0-9_]", "", told)[:100] or "UNSPECIFIED"


def _rows(counts: list[dict[str, Any]]) -> dict[int, tuple[str, str]]:
    """Return what became of the rows that are named, by their place: a status and a reason."""
    return {
        place: (_fate(_reason(one)), _reason(one))
        for one in counts
        for place in one.get("recordIndices") or []
        if type(place) is int
    }


def _fate(reason: str) -> str:
    if reason == KNOWN:
        return "accepted"
    return "unknown" if reason in PASSING else "rejected"
