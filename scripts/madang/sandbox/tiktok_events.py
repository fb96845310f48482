"""The rules of TikTok's Events API 2.0, as the local TikTok enforces them: pure functions.

Sources: [event] https://business-api.tiktok.com/portal/docs?id=1771100779668482
[offline] https://ads.tiktok.com/help/article/about-events-api-for-offline
How old an event may be is on no page that was seen; the server takes what is 28 days old at most.
"""

import re
from datetime import datetime
from typing import Any

MOST_EVENTS = 1_000  # [event]
MOST_DAYS, DAY = 28, 86_400
HASH = re.compile(r"[0-9a-f]{64}")
NAMES = {"event", "event_time", "event_id", "user", "properties"}


def problem_of(event: Any, source: str, now: datetime) -> str | None:
    """Say what is wrong with an event; None for a good one."""
    if not isinstance(event, dict) or set(event) - NAMES:
        return "an event has an unknown field"
    if missing := [name for name in ("event", "event_id") if not isinstance(event.get(name), str)]:
        return f"{missing[0]}: Missing data for required field"
    if type(event.get("event_time")) is not int:
        return "event_time: Not a valid integer"
    age = now.timestamp() - event["event_time"]
    if age < -60 or age > MOST_DAYS * DAY:
        return "event_time: lies in the future or is too old"
    return _problem_of_user(event.get("user"), source) or _problem_of_value(event)


def _problem_of_user(user: Any, source: str) -> str | None:
    if not isinstance(user, dict) or not user or set(user) - {"email", "phone", "ttclid"}:
        return "user: is invalid"
    for name in ("email", "phone"):
        hashes = user.get(name, [])
        if not isinstance(hashes, list) or not all(HASH.fullmatch(str(one)) for one in hashes):
            return f"user.{name}: is no SHA-256 hash"
    if source == "offline" and not {"email", "phone"} & user.keys():
        return "user: an offline event needs email or phone"  # [offline]
    return None


def _problem_of_value(event: dict[str, Any]) -> str | None:
    told = event.get("properties", {})
    if not isinstance(told, dict) or set(told) - {"order_id", "value", "currency"}:
        return "properties: is invalid"
    if "value" in told and type(told["value"]) not in (int, float):
        return "properties.value: Not a valid number"
    if "value" in told and not re.fullmatch(r"[A-Z]{3}", str(told.get("currency"))):
        return "properties.currency: is needed beside value"
    return None
