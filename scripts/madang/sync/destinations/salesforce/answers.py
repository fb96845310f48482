"""What an answer of Salesforce's says about each record, and how many calls the org has left.

A collection gives `[{"id", "success", "created", "errors": [{"statusCode", "message", "fields"}]}]`
in the order of the request; an error of the whole request `[{"errorCode", "message"}]`.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from madang.http.client import AGAIN
from madang.http.exchange import read_json
from madang.sync import DestinationDown, DestinationRefused, DestinationUnclear
from madang.sync.destinations.base import ACCEPTED, Outcome
from madang.sync.words import harmless

if TYPE_CHECKING:
    from madang.http.client import Reply

USED = re.compile(r"(?<![-\w])api-usage=(\d{1,15})/(\d{1,15})")  # not per-app-api-usage
#: A record that another change holds just now, and what passes like that.
PASSING = ("UNABLE_TO_LOCK_ROW", "REQUEST_RUNNING_TOO_LONG", "SERVER_UNAVAILABLE")
#: What a refusal of one record means, and what to do, by its code.
REFUSALS = {
    "": (
        "refused by salesforce",
        "Correct the activation model, or the org's fields and rules, then plan again.",
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": (
        "refused by a validation rule",
        "Its words are those of a validation rule of the org: correct the record there, or let the "
        "rule pass over the user of the login.",
    ),
    "REQUIRED_FIELD_MISSING": (
        "refused by salesforce",
        "Send the fields too that the object requires, or set create_missing: false.",
    ),
    "STRING_TOO_LONG": (
        "refused by salesforce",
        "Make the field longer in the org, or the value shorter in the activation model.",
    ),
    "DUPLICATES_DETECTED": (
        "refused by a duplicate rule",
        "A duplicate rule of the org found a record that is alike: merge them there.",
    ),
    "MULTIPLE_CHOICES": (
        "several in salesforce",
        "Merge the records in Salesforce, or make the external id field unique.",
    ),
    "ENTITY_IS_DELETED": (
        "deleted in salesforce",
        "Take the record out of the recycle bin there, or let it be gone.",
    ),
    **dict.fromkeys(PASSING, ("busy in salesforce", "The next plan sends it again.")),
}


@dataclass
class Usage:
    """The calls of 24 hours that the org has used, and the share of them that we may use."""

    most: float
    used: int = 0
    allowed: int = 0

    def spare(self) -> None:
        """Raises DestinationDown where the rest of the calls is left to others."""
        if self.allowed and self.used > self.allowed * self.most:
            raise DestinationDown(
                f"{self.used:,} of the org's {self.allowed:,} API calls of 24 hours are used; "
                "max_api_share leaves the rest to others.",
                fix=f"{AGAIN} Or raise salesforce.max_api_share.",
            )


def usage_of(headers: Mapping[str, str], usage: Usage) -> None:
    """Note how many calls are used: `Sforce-Limit-Info: api-usage=18/5000; api-bursts=1/750`."""
    if found := USED.search(headers.get("Sforce-Limit-Info", "")):
        usage.used, usage.allowed = int(found[1]), int(found[2])


def passes(words: str) -> bool:
    """Say whether an error is one that passes."""
    return any(code in words for code in PASSING)


def is_locked(reply: "Reply") -> bool:
    """Say whether a whole request met a record that another change holds: nothing was taken.

    The body of an error is a list; the word for it stands in the code or in the message.
    """
    return not reply.is_good and any(
        passes(f"{one.get('errorCode')} {one.get('message')}") for one in _whole(reply)
    )


def checked(reply: "Reply", redact: Callable[[str], str]) -> "Reply":
    """Return a good answer. Raises DestinationRefused, DestinationDown or DestinationUnclear."""
    if reply.is_good:
        return reply
    whole = _whole(reply)
    if not whole:
        raise not_understood(reply)
    code, message = str(whole[0].get("errorCode") or ""), str(whole[0].get("message") or "")
    words = harmless(redact(f"{code or reply.status}: {message}"))
    if code == "REQUEST_LIMIT_EXCEEDED" and message.startswith("Concurrent"):
        raise DestinationDown(
            f"The org works on too many long requests at once ({words}).", fix=AGAIN
        )
    if code == "REQUEST_LIMIT_EXCEEDED":
        raise DestinationDown(
            f"The org has no calls left ({words}).",
            fix=f"{AGAIN} See Setup, System Overview, for who uses them.",
        )
    if code == "SERVER_UNAVAILABLE":
        raise DestinationDown(f"Salesforce is down ({words}).", fix=AGAIN)
    if is_locked(reply):
        raise DestinationDown(f"Another change holds these records ({words}).", fix=AGAIN)
    fix = "Read what Salesforce says; nothing of this request was taken."
    if reply.status == 404 or code in ("NOT_FOUND", "INVALID_TYPE", "INVALID_FIELD"):
        fix = "Check external_id_field, that it is an external id, and that the login sees it."
    elif reply.status in (401, 403):
        fix = "Give the user of the login the permission 'API Enabled' and to change the object."
    elif reply.status == 410:
        fix = "Set salesforce.api_version to one that the org has."
    raise DestinationRefused(f"Salesforce refuses: {words}", fix=fix)


def results(reply: "Reply", count: int) -> list[dict[str, Any]]:
    """Return a collection's results, one a record. Raises DestinationUnclear for anything else."""
    told = read_json(reply.content)
    if not isinstance(told, list) or len(told) != count:
        raise not_understood(reply)
    if not all(isinstance(one, dict) and type(one.get("success")) is bool for one in told):
        raise not_understood(reply)
    return told


def is_passing(result: dict[str, Any]) -> bool:
    """Say whether a record may be taken a moment later."""
    return not result["success"] and any(
        passes(f"{error.get('statusCode')} {error.get('message')}") for error in _errors(result)
    )


def says(result: dict[str, Any], codes: Collection[str]) -> bool:
    """Say whether a record failed with one of these codes."""
    return not result["success"] and any(
        str(error.get("statusCode")) in codes for error in _errors(result)
    )


def outcome(result: dict[str, Any], redact: Callable[[str], str]) -> Outcome:
    """Return what became of a record. Success with errors is none."""
    errors = _errors(result)
    if result["success"] and not errors:
        return ACCEPTED
    told = [f"{one.get('statusCode')}: {one.get('message')}" for one in errors]
    code = str(errors[0].get("statusCode")) if errors else ""
    return refused(code, harmless(redact("; ".join(told))) or "Salesforce gave no reason.")


def refused(code: str, problem: str) -> Outcome:
    """Return the outcome of a record that the org refuses, with what to do by its code."""
    reason, fix = REFUSALS.get(code, REFUSALS[""])
    return Outcome("rejected", reason=reason, problem=problem, fix=fix)


def not_there(name: str, fix: str = "let the sync say create_missing: true") -> Outcome:
    """Return the outcome of a key that no record has, where none is to be made."""
    return Outcome(
        "rejected",
        reason="not in salesforce",
        problem=f"No {name} has this external id.",
        fix=f"Load the key into Salesforce, or {fix}.",
    )


def not_processed(state: str, error: str) -> Outcome:
    """Return the outcome of a record that a job ended without."""
    return Outcome(
        "rejected",
        reason="not processed by salesforce",
        problem=f"The job ended as {state} before this record: {error or 'no reason given'}",
        fix="The next plan sends it again.",
    )


def several(problem: str) -> Outcome:
    """Return the outcome of a key that means more than one record, or the same one twice."""
    return refused("MULTIPLE_CHOICES", problem)


def not_understood(reply: "Reply") -> DestinationUnclear:
    """Return the error for an answer that does not say what became of the request."""
    return DestinationUnclear(
        f"This address answered {reply.status}, but not as Salesforce does.",
        fix="Check salesforce.url: it may be a proxy's. What this request held may have arrived or "
        "not; the same command sends it again, which changes nothing there.",
    )


def _whole(reply: "Reply") -> list[dict[str, Any]]:
    """Return the errors of a whole request; none where the body is something else."""
    told = read_json(reply.content)
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _errors(result: dict[str, Any]) -> list[dict[str, Any]]:
    errors = result.get("errors")
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
