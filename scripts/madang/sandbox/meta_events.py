"""The rules of the Conversions API, as the local Meta enforces them: pure functions.

Sources: [event] https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/server-event
[original] https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/original-event
[errors] https://developers.facebook.com/docs/marketing-api/error-reference
Where the pages are silent the server is strict. One wrong event, and no event of the request is
processed. [event]
"""

import re
from datetime import datetime
from typing import Any

MOST_EVENTS = 1_000  # [event]
DAY = 86_400
SOURCES = {"email", "website", "app", "phone_call", "chat", "physical_store", "system_generated"}
SOURCES |= {"business_messaging", "other"}
NAMES = {"event_name", "event_time", "event_id", "action_source", "user_data", "custom_data"}
NAMES |= {"original_event_data", "event_source_url"}
HASH = re.compile(r"[0-9a-f]{64}")
FBC = re.compile(r"fb\.1\.\d{13}\.[!-~]+")


def problem_of(event: Any, now: datetime) -> tuple[int, str] | None:
    """Say what is wrong with an event, as a subcode of the error 100 and words; None for good."""
    if not isinstance(event, dict) or set(event) - NAMES:
        return 2804001, "The event has an unknown parameter"
    needed = ("event_name", "event_id", "action_source")
    if missing := [name for name in needed if not isinstance(event.get(name), str)]:
        return 2804001, f"Missing {missing[0]}"
    if event["action_source"] not in SOURCES:
        return 2804016, "The action_source is invalid"
    if event["action_source"] == "website" and "client_user_agent" not in event["user_data"]:
        return 2804048, "Website events need client_user_agent"
    if type(event.get("event_time")) is not int:
        return 2804007, "The event_time is invalid"
    age = now.timestamp() - event["event_time"]
    if age < -60:
        return 2804004, "The event_time lies in the future"
    if age > (62 if event["action_source"] == "physical_store" else 7) * DAY:
        return 2804003, "The event_time is too old"
    return _problem_of_user(event.get("user_data")) or _problem_of_value(event)


def _problem_of_user(user: Any) -> tuple[int, str] | None:
    if not isinstance(user, dict) or not user or set(user) - {"em", "ph", "fbc"}:
        return 2804019, "The user_data is invalid"
    for name in ("em", "ph"):
        hashes = user.get(name, [])
        if not isinstance(hashes, list) or not all(HASH.fullmatch(str(one)) for one in hashes):
            return 2804019, f"The {name} of user_data is no SHA-256 hash"
    if "fbc" in user and not FBC.fullmatch(str(user["fbc"])):
        return 2804017, "The fbc of user_data is invalid"
    return None


def _problem_of_value(event: dict[str, Any]) -> tuple[int, str] | None:
    custom, original = event.get("custom_data", {}), event.get("original_event_data")
    if not isinstance(custom, dict) or set(custom) - {"value", "currency", "order_id"}:
        return 2804001, "The custom_data is invalid"
    if "value" in custom and type(custom["value"]) not in (int, float):
        return 2804007, "The value is no number"
    if "value" in custom and not re.fullmatch(r"[A-Z]{3}", str(custom.get("currency"))):
        return 2804007, "The currency is invalid"
    if original is None:
        return None
    known = {"event_name", "event_time", "order_id", "event_id"}  # [original]
    if not isinstance(original, dict) or set(original) - known or "event_name" not in original:
        return 2804001, "The original_event_data is invalid"
    if type(original.get("event_time")) is not int:
        return 2804007, "The event_time of original_event_data is invalid"
    return None
