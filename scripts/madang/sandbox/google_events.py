"""The rules of `events:ingest`, as the local Data Manager API enforces them: pure functions.

Sources: see `madang.sandbox.google`. What is wrong with an event's form refuses the whole request
[errors]; what Google finds later is told by the request's status, with a reason by record [events].
"""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

MOST_EVENTS, MOST_IDENTIFIERS = 2_000, 10  # [limits]
SOURCES = {"WEB", "APP", "IN_STORE", "PHONE", "MESSAGE", "OTHER"}  # [discovery]
CLICK_IDS = {"gclid", "gbraid", "wbraid"}
NAMES = {"transactionId", "eventTimestamp", "conversionValue", "currency", "eventSource"}
NAMES |= {"adIdentifiers", "userData", "consent"}
HASH = re.compile(r"[0-9a-f]{64}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
OLDEST = timedelta(days=90)
DOUBLE = "PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID"


def problem_of(event: Any) -> tuple[str, str] | None:
    """Say what is wrong with the form of an event, as its field and words; None for a good one."""
    if not isinstance(event, dict):
        return "", "Required field is missing."
    if unknown := sorted(set(event) - NAMES):
        return "", f'Invalid JSON payload received. Unknown name "{unknown[0]}"'
    for name, field in (("transactionId", "transaction_id"), ("eventTimestamp", "event_timestamp")):
        if not isinstance(event.get(name), str) or not event[name]:
            return field, "Required field is missing."
    if not MOMENT.fullmatch(event["eventTimestamp"]):
        return "event_timestamp", "The value is no timestamp."
    if event.get("eventSource") not in SOURCES:
        return "event_source", "Required field is missing."
    consent = event.get("consent")
    statuses = {"CONSENT_GRANTED", "CONSENT_DENIED"}
    if not isinstance(consent, dict) or not {*map(str, consent.values())} <= statuses:
        return "consent", "The consent is invalid."
    return _problem_of_value(event) or _problem_of_keys(event)


def error_of(event: dict[str, Any], now: datetime, seen: Collection[str]) -> str | None:
    """Return the reason for which Google would pass over an event later; None for a good one."""
    moment = datetime.fromisoformat(event["eventTimestamp"])
    granted = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
    if now - moment > OLDEST:
        return "PROCESSING_ERROR_REASON_EVENT_TOO_OLD"
    if moment > now + timedelta(minutes=1):
        return "PROCESSING_ERROR_REASON_INVALID_EVENT"
    if event["consent"] != granted:
        return "PROCESSING_ERROR_REASON_DENIED_CONSENT"
    if event["transactionId"] in seen:
        return DOUBLE
    return None


def status_of(errors: dict[int, str], count: int) -> dict[str, Any]:
    """Return the status of a request whose records at these places were passed over."""
    state = "FAILED" if len(errors) == count else "PARTIAL_SUCCESS" if errors else "SUCCESS"
    told: dict[str, Any] = {"requestStatus": state}
    told["eventsIngestionStatus"] = {"recordCount": str(count)}
    if errors:
        places = {
            reason: [at for at, found in errors.items() if found == reason]
            for reason in sorted({*errors.values()})
        }
        told["errorInfo"] = {
            "errorCounts": [
                {"reason": reason, "recordCount": str(len(at)), "recordIndices": at}
                for reason, at in places.items()
            ]
        }
    return {"requestStatusPerDestination": [told]}


def _problem_of_value(event: dict[str, Any]) -> tuple[str, str] | None:
    if "conversionValue" in event and type(event["conversionValue"]) not in (int, float):
        return "conversion_value", "The value is no number."
    if "conversionValue" in event and not event.get("currency"):
        return "currency", "Required with conversion_value."
    if "currency" in event and not re.fullmatch(r"[A-Z]{3}", str(event["currency"])):
        return "currency", "The value is no currency code."
    return None


def _problem_of_keys(event: dict[str, Any]) -> tuple[str, str] | None:
    clicks, data = event.get("adIdentifiers"), event.get("userData")
    if clicks is None and data is None:
        return "ad_identifiers", "One of ad_identifiers and user_data is required."
    if clicks is not None:
        if not isinstance(clicks, dict) or not set(clicks) <= CLICK_IDS or len(clicks) != 1:
            return "ad_identifiers", "Exactly one of gclid, gbraid and wbraid."
        if not all(isinstance(value, str) and value for value in clicks.values()):
            return "ad_identifiers", "The value is empty."
    if data is not None:
        place = "user_data.user_identifiers"
        listed = data.get("userIdentifiers") if isinstance(data, dict) else None
        if not isinstance(listed, list) or not 0 < len(listed) <= MOST_IDENTIFIERS:
            return place, "1 to 10 identifiers."
        for number, one in enumerate(listed):
            names = set(one) if isinstance(one, dict) else set()
            if len(names) != 1 or not names <= {"emailAddress", "phoneNumber"}:
                return f"{place}[{number}]", "Exactly one identifier."
            (value,) = one.values()
            if not isinstance(value, str) or not HASH.fullmatch(value):
                return f"{place}[{number}]", f"The value {value} is no SHA-256 hash."
    return None
