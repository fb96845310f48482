"""The rules of Braze's POST /users/track, as the local server enforces them: pure functions.

Sources: [track] https://www.braze.com/docs/api/endpoints/user_data/post_user_track
[attributes] https://www.braze.com/docs/api/objects_filters/user_attributes_object
[event] https://www.braze.com/docs/api/objects_filters/event_object
[purchase] https://www.braze.com/docs/api/objects_filters/purchase_object
[limits] https://www.braze.com/docs/api/api_limits  [errors] https://www.braze.com/docs/api/errors
Where the pages are silent the server is strict, so that what passes here passes there.
"""

import json
import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ARRAYS = ("attributes", "events", "purchases")  # [track]
IDS = ("external_id", "user_alias", "braze_id", "email", "phone")  # [track] exactly one usable
PAYLOAD_LIMIT = 4 * 1000 * 1000  # [limits] 4 MB, more is 413
NO_DATA = "Valid data must be provided in the 'attributes', 'events', or 'purchases' fields."
TOO_MANY = "Max Input Length Exceeded"  # [errors]
ID_NEEDED = "'external_id', 'braze_id', 'user_alias', 'email' or 'phone' is required"
ARRAY_LIMIT = 25  # [attributes] elements of an array attribute, the default; excess is cut off
KEY_LIMIT = 255  # [attributes] characters of an attribute's name
NAME_LIMIT = 255  # [event] [purchase] characters of a property's name, a text, a product_id
PROPERTIES_LIMIT = 50 * 1000  # [event] bytes of the properties of one event
MOST_PIECES = 100  # [purchase] quantity of one purchase
HAPPENED = (*IDS, "app_id", "time", "properties")
OWN = {  # [event] [purchase]; stricter than Braze, which ignores what it does not know
    "events": {*HAPPENED, "name", "_update_existing_only"},
    "purchases": {
        *HAPPENED,
        "product_id",
        "currency",
        "price",
        "quantity",
        "_update_existing_only",
    },
}


class Fatal(Exception):
    """A 4xx answer: nothing of the request is processed. [errors]"""

    def __init__(self, status: int, message: str, errors: list[dict] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors or []


@dataclass
class Checked:
    """A request that may be processed: its good objects, and an error for each bad one."""

    attributes: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    purchases: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


def check_request(content_type: str, body: bytes, objects_limit: int) -> Checked:
    """Check a request from the outside in. Raises Fatal."""
    if content_type.split(";")[0].strip().lower() != "application/json":
        raise Fatal(415, "Content-Type must be application/json")
    if len(body) > PAYLOAD_LIMIT:
        raise Fatal(413, "Payload Too Large")
    try:
        data = json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        raise Fatal(400, "Invalid JSON") from error
    if not isinstance(data, dict):
        raise Fatal(400, NO_DATA)
    unknown = sorted(set(data) - {*ARRAYS, "partner"})
    if unknown:
        raise Fatal(400, f"Unknown field '{unknown[0]}'")  # stricter than Braze, which ignores it
    arrays = {name: data.get(name, []) for name in ARRAYS}
    if not all(isinstance(array, list) for array in arrays.values()):
        raise Fatal(400, NO_DATA)
    total = sum(len(array) for array in arrays.values())
    if total > objects_limit:  # [limits] combined over the three arrays
        raise Fatal(400, TOO_MANY)
    if total == 0:
        raise Fatal(400, NO_DATA)
    checked = Checked()
    for name, array in arrays.items():
        for index, one in enumerate(array):
            problem = problem_of(name, one)
            if problem:
                checked.errors.append({"type": problem, "input_array": name, "index": index})
            else:
                getattr(checked, name).append(one)
    if len(checked.errors) == total:
        raise Fatal(400, NO_DATA, checked.errors)
    return checked


def problem_of(array: str, one: Any) -> str | None:
    """Say what is wrong with one object, or None."""
    if not isinstance(one, dict):
        return "must be an object"
    if problem := problem_of_id(one):
        return problem
    if not isinstance(one.get("_update_existing_only", True), bool):
        return "'_update_existing_only' is not valid"
    if array == "attributes":
        return _problem_of_attributes(one)
    return _problem_of_happening(array, one)


def problem_of_id(one: dict[str, Any]) -> str | None:
    """Say what is wrong with the id of an object, or None: exactly one is usable. [track]"""
    strong = [name for name in ("external_id", "user_alias", "braze_id") if name in one]
    if not strong and not any(name in one for name in ("email", "phone")):
        return ID_NEEDED
    if len(strong) > 1:
        return f"only one of {', '.join(strong)} may be given"
    for name in ("external_id", "braze_id"):
        if name in one and not (isinstance(one[name], str) and one[name].strip()):
            return f"'{name}' is not valid"
    if strong == ["user_alias"] and not _is_alias(one["user_alias"]):
        return "'user_alias' needs alias_name and alias_label"
    if not strong:
        name = named_id(one)
        return None if isinstance(one[name], str) and one[name] else f"'{name}' is not valid"
    return None


def named_id(one: dict[str, Any]) -> str:
    """Return which id an object is told by; the address wins over the number. [track]"""
    return next(name for name in IDS if name in one)


def id_text(one: dict[str, Any]) -> str:
    """Return the id of an object as one text."""
    name = named_id(one)
    if name == "user_alias":
        return f"user_alias:{one[name]['alias_label']}:{one[name]['alias_name']}"
    return one[name] if name == "external_id" else f"{name}:{one[name]}"


def apply(stored: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """Return a user's attributes after one object: null removes, an array may add and remove."""
    after = dict(stored)
    for name, value in one.items():
        if name in IDS or name.startswith("_"):
            continue
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict) and set(value) <= {"add", "remove"} and value:
            kept = [item for item in after.get(name, []) if item not in value.get("remove", [])]
            new = [item for item in value.get("add", []) if item not in kept]
            after[name] = [*kept, *new][:ARRAY_LIMIT]
        elif isinstance(value, dict) and set(value) == {"inc"}:
            after[name] = after.get(name, 0) + value["inc"]
        elif isinstance(value, list):
            after[name] = value[:ARRAY_LIMIT]
        else:
            after[name] = value
    return after


def _problem_of_attributes(one: dict[str, Any]) -> str | None:
    for name, value in one.items():
        if len(name) > KEY_LIMIT or name.startswith("$"):
            return f"'{name[:40]}' is not a valid attribute name"
        if isinstance(value, list) and any(isinstance(item, list) for item in value):
            return f"'{name}' is not valid"
        if isinstance(value, dict) and set(value) == {"inc"} and not _is_integer(value["inc"]):
            return f"'{name}' is not valid"
    for name in ("email", "phone"):
        if one.get(name) is not None and not isinstance(one[name], str):
            return f"'{name}' is not valid"
    return None


def _problem_of_happening(array: str, one: dict[str, Any]) -> str | None:
    """Say what is wrong with an event or a purchase, or None. [event] [purchase]"""
    unknown = sorted(set(one) - OWN[array])
    if unknown:
        return f"Unknown field '{unknown[0]}'"
    name = "name" if array == "events" else "product_id"
    if not isinstance(one.get(name), str) or not 0 < len(one[name]) <= NAME_LIMIT:
        return f"'{name}' is not valid"
    for address in ("email", "phone"):
        if address in one and not isinstance(one[address], str):
            return f"'{address}' is not valid"
    if not _is_moment(one.get("time")):
        return "'time' is not valid"
    if array == "purchases":
        if not re.fullmatch("[A-Z]{3}", str(one.get("currency"))):
            return "'currency' is not valid"
        price = one.get("price")  # below zero of a refund [purchase]
        if (
            isinstance(price, bool)
            or not isinstance(price, int | float)
            or not math.isfinite(price)
        ):
            return "'price' is not valid"
        quantity = one.get("quantity", 1)
        if not _is_integer(quantity) or not 0 < quantity <= MOST_PIECES:
            return "'quantity' is not valid"
    return _problem_of_properties(one.get("properties", {}))


def _problem_of_properties(properties: Any) -> str | None:
    if not isinstance(properties, dict):
        return "'properties' is not valid"
    if len(json.dumps(properties, ensure_ascii=False).encode()) > PROPERTIES_LIMIT:
        return "'properties' is too large"
    for name, value in properties.items():
        is_long = isinstance(value, str) and len(value) > NAME_LIMIT
        if not 0 < len(name) <= NAME_LIMIT or name.startswith("$") or is_long:
            return f"'properties' is not valid: '{name[:40]}'"
    return None


def _is_moment(text: Any) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_alias(alias: Any) -> bool:
    names = ("alias_name", "alias_label")
    return isinstance(alias, dict) and all(isinstance(alias.get(name), str) for name in names)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
