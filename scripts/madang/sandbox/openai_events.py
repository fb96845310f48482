"""The rules of OpenAI's Conversions API, as the local OpenAI enforces them: pure functions.

Sources: [event] https://developers.openai.com/ads/conversions-api
[types] https://developers.openai.com/ads/supported-events
One wrong event, and no event of the request is taken. [event]
"""

import re
from datetime import datetime
from typing import Any

MOST_EVENTS = 1_000  # [event]
MOST_DAYS, DAY, AHEAD = 7, 86_400, 600  # [event]
SOURCES = {"web", "mobile_app", "offline", "physical_store", "phone_call", "email", "other"}
TYPES = {  # [types]
    "app_installed": "customer_action",
    "app_opened": "customer_action",
    "appointment_scheduled": "customer_action",
    "checkout_started": "contents",
    "contents_viewed": "contents",
    "custom": "custom",
    "items_added": "contents",
    "lead_created": "customer_action",
    "order_created": "contents",
    "page_viewed": "contents",
    "registration_completed": "customer_action",
    "subscription_created": "plan_enrollment",
    "trial_started": "plan_enrollment",
}
NAMES = {"id", "type", "timestamp_ms", "custom_event_name", "oppref", "source_url", "user", "data"}
NAMES |= {"action_source", "opt_out"}
HASH = re.compile(r"[0-9a-f]{64}")
Problem = tuple[str, str, str]


def problem_of(event: Any, now: datetime) -> Problem | None:
    """Say what is wrong with an event: the field, a code and words; None for a good one."""
    if not isinstance(event, dict) or set(event) - NAMES:
        return "", "unknown_parameter", "The event has an unknown field."
    if not isinstance(event.get("id"), str) or not event["id"]:
        return "id", "missing_event_id", "id is required."
    if event.get("type") not in TYPES:
        return "type", "invalid_event_type", "type must be a supported event."
    if (event["type"] == "custom") != ("custom_event_name" in event):
        return "custom_event_name", "invalid_custom_event_name", "It goes with custom alone."
    if type(event.get("timestamp_ms")) is not int:
        return "timestamp_ms", "invalid_timestamp", "timestamp_ms is no integer."
    age = now.timestamp() - event["timestamp_ms"] / 1000
    if age > MOST_DAYS * DAY or age < -AHEAD:
        text = "event_timestamp_ms must be within the last 7 days."
        return "timestamp_ms", "event_timestamp_too_old", text
    if event.get("action_source", "other") not in SOURCES:
        return "action_source", "invalid_action_source", "action_source is not supported."
    if event.get("action_source") == "web" and "source_url" not in event:
        return "source_url", "missing_source_url", "source_url is required for web."
    return _problem_of_user(event.get("user", {})) or _problem_of_data(event)


def _problem_of_user(user: Any) -> Problem | None:
    if not isinstance(user, dict) or set(user) - {"emails_sha256", "phone_numbers_sha256"}:
        return "user", "invalid_user", "user has an unknown field."
    for name, hashes in user.items():
        if not isinstance(hashes, list) or not all(HASH.fullmatch(str(one)) for one in hashes):
            return f"user.{name}", "invalid_hash", "It is no list of SHA-256 hashes."
    return None


def _problem_of_data(event: dict[str, Any]) -> Problem | None:
    data = event.get("data")
    if not isinstance(data, dict) or data.get("type") != TYPES[event["type"]]:
        text = "data.type must be a supported data type."
        return "data.type", "missing_event_data_type", text
    if set(data) - {"type", "amount", "currency"}:
        return "data", "unknown_parameter", "data has an unknown field."
    if "amount" in data and type(data["amount"]) is not int:
        return "data.amount", "invalid_amount", "amount is no integer."
    if "amount" in data and not re.fullmatch(r"[A-Z]{3}", str(data.get("currency"))):
        return "data.currency", "missing_currency", "currency is required beside amount."
    return None
