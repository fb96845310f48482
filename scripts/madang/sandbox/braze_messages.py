"""The rules of Braze's subscription groups, triggered campaigns and Canvases, as served here.

Sources: [groups] https://www.braze.com/docs/api/endpoints/subscription_groups/
post_update_user_subscription_group_status_v2
[send] https://www.braze.com/docs/api/endpoints/messaging/send_messages/post_send_triggered_campaigns
[schedule] https://www.braze.com/docs/api/endpoints/messaging/schedule_messages/
post_schedule_triggered_campaigns
[canvas] https://www.braze.com/docs/api/endpoints/messaging/send_messages/post_send_triggered_canvases
[recipient] https://www.braze.com/docs/api/objects_filters/recipient_object
Where the pages are silent the server is strict, so that what passes here passes there.
"""

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from madang.sandbox.rules import Fatal, problem_of_id
from madang.sandbox.users import Users

IDS_LIMIT = 50  # [groups] ids, [send] recipients of a request
PLURALS = {"external_ids": "external_id", "emails": "email", "phones": "phone"}  # [groups]
STATES = ("subscribed", "unsubscribed")  # [groups]; who was never set is unknown
NUMBER = re.compile(r"\+[1-9]\d{6,14}")  # [groups] E.164
PROPERTIES_LIMIT = 50 * 1000  # bytes of trigger_properties, and of context
LONGEST = timedelta(days=90)  # [schedule]
COMMON = {"broadcast", "recipients"}
CAMPAIGN = COMMON | {"campaign_id", "send_id", "trigger_properties"}
#: What a request may have: the id of what is sent, and what else.
ENVELOPES = {
    "campaign": ("campaign_id", CAMPAIGN),
    "schedule": ("campaign_id", CAMPAIGN | {"schedule"}),
    "canvas": ("canvas_id", COMMON | {"canvas_id", "context"}),
}
#: [recipient] what a recipient is told by; exactly one
NAMES = {"external_user_id": "external_id", "user_alias": "user_alias", "email": "email"}
OWN = {"prioritization", "send_to_existing_only", "attributes"}


class Groups:
    """The subscription state of users by group; a group that is not among `known` is refused."""

    def __init__(self, users: Users, known: frozenset[str] | None = None) -> None:
        self._users, self._known = users, known
        self._lock = threading.Lock()
        self._states: dict[str, dict[str, str]] = {}

    def states(self) -> dict[str, dict[str, str]]:
        """Return the state of each user that was ever set, by group."""
        with self._lock:
            return {group: dict(states) for group, states in self._states.items()}

    def set(self, body: bytes) -> int:
        """Set what a request says; return how many ids it had. Raises Fatal."""
        entries = _object(body, {"subscription_groups"}).get("subscription_groups")
        if not isinstance(entries, list) or not entries:
            raise Fatal(400, "'subscription_groups' is required")
        checked = [self._checked(entry) for entry in entries]
        with self._lock:
            for group, state, ids in checked:
                for one in ids:
                    for key in self._users.find(one):  # all who share an address [groups]
                        self._states.setdefault(group, {})[key] = state
        return sum(len(ids) for _, _, ids in checked)

    def _checked(self, entry: Any) -> tuple[str, str, list[dict[str, Any]]]:
        needed = {"subscription_group_id", "subscription_state"}
        if not isinstance(entry, dict) or not needed <= set(entry) <= needed | set(PLURALS):
            raise Fatal(400, "A subscription group needs an id, a state and ids of users")
        group, state = entry["subscription_group_id"], entry["subscription_state"]
        if not isinstance(group, str) or (self._known is not None and group not in self._known):
            raise Fatal(400, "Invalid subscription_group_id")
        if state not in STATES:
            raise Fatal(400, f"'subscription_state' must be one of {', '.join(STATES)}")
        if "emails" in entry and "phones" in entry:
            raise Fatal(400, "'emails' and 'phones' cannot both be included")
        ids = []
        for plural, kind in PLURALS.items():
            values = entry.get(plural, [])
            if not isinstance(values, list) or len(values) > IDS_LIMIT:
                raise Fatal(400, f"'{plural}' must be an array of at most {IDS_LIMIT}")
            ids += [{kind: value} for value in values]
        if not ids or any(map(problem_of_id, ids)):
            raise Fatal(400, "Ids of users are required")
        if not all(NUMBER.fullmatch(one["phone"]) for one in ids if "phone" in one):
            raise Fatal(400, "'phones' must be in E.164 format")
        return group, state, ids


class Campaigns:
    """What was sent or scheduled: each request is a sending of its own, also the same one twice."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._lock = threading.Lock()
        self._sent: list[dict[str, Any]] = []
        self._requests = 0

    def sent(self) -> list[dict[str, Any]]:
        """Return every message, with its user, its dispatch_id and its time (null: at once)."""
        with self._lock:
            return list(self._sent)

    def trigger(self, body: bytes, now: datetime, kind: str = "campaign") -> dict[str, Any]:
        """Send a campaign or a Canvas, or schedule one; return the answer. Raises Fatal."""
        named, known = ENVELOPES[kind]
        told = "context" if kind == "canvas" else "trigger_properties"
        asked = _object(body, known)
        sent, recipients = asked.get(named), asked.get("recipients")
        if not isinstance(sent, str) or not sent:
            raise Fatal(400, f"'{named}' is required")
        if recipients is None or asked.get("broadcast", False) is not False:
            raise Fatal(400, "Recipients are required; this server broadcasts nothing")
        if not isinstance(recipients, list) or not 0 < len(recipients) <= IDS_LIMIT:
            raise Fatal(400, f"'recipients' must be an array of at most {IDS_LIMIT}")
        for number, one in enumerate(recipients):
            if problem := _problem_of_recipient(one, told):
                raise Fatal(400, f"recipients[{number}]: {problem}")
        later = kind == "schedule"
        time = _moment(asked.get("schedule"), now) if later else None
        with self._lock:
            self._requests += 1
            reference = f"dispatch-{self._requests}"
            for one in recipients:
                ids = {kind: one[name] for name, kind in NAMES.items() if name in one}
                for key in self._users.find(ids)[-1:]:  # only who is there [recipient]
                    self._sent.append(
                        {
                            named: sent,
                            "user": key,
                            "properties": one.get(told, {}),
                            "dispatch_id": reference,
                            "time": time,
                        }
                    )
        answer = {"dispatch_id": reference, "message": "success"}
        return answer | {"schedule_id": f"schedule-{reference}"} if later else answer


def _object(body: bytes, known: set[str]) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise Fatal(400, "Invalid JSON") from error
    if not isinstance(asked, dict):
        raise Fatal(400, "Invalid JSON")
    if unknown := sorted(set(asked) - known):
        raise Fatal(400, f"Unknown field '{unknown[0]}'")
    return asked


def _problem_of_recipient(one: Any, told: str) -> str | None:
    if not isinstance(one, dict) or not set(one) <= {*NAMES, *OWN, told}:
        return "is not valid"
    ids = [name for name in NAMES if name in one]
    if len(ids) != 1:
        return "exactly one of external_user_id, user_alias and email is required"
    if problem := problem_of_id({NAMES[ids[0]]: one[ids[0]]}):
        return problem
    if ids[0] == "email" and not one.get("prioritization"):
        return "'prioritization' is required with email"
    if ids[0] == "user_alias" and "send_to_existing_only" in one:
        return "'send_to_existing_only' cannot be used with a user alias"
    properties = one.get(told, {})
    if not isinstance(properties, dict) or len(json.dumps(properties)) > PROPERTIES_LIMIT:
        return f"'{told}' is not valid"
    return None


def _moment(schedule: Any, now: datetime) -> str:
    try:
        moment = datetime.fromisoformat(schedule["time"])
        ahead = moment - now.astimezone(UTC)
    except (TypeError, KeyError, ValueError) as error:
        raise Fatal(400, "'schedule' needs a time in ISO 8601 with its zone") from error
    if not timedelta(0) < ahead <= LONGEST:
        raise Fatal(400, "'time' must lie in the next 90 days")
    return schedule["time"]
