"""The rules of Braze's catalogs, as the local server has them. What is written is there at once.

Sources, under https://www.braze.com/docs/api/endpoints/catalogs/:
[list] catalog_management/synchronous/get_list_catalogs
[create] catalog_management/synchronous/post_create_catalog
[replace] catalog_items/asynchronous/put_update_catalog_items
[delete] catalog_items/asynchronous/delete_catalog_items_bulk
Where the pages are silent the server is strict, so that what passes here passes there.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

ITEMS_LIMIT = 50  # [replace] [delete]
ID = re.compile(r"[A-Za-z0-9_-]+")  # [delete] letters, numbers, hyphens, underscores
NAME_LIMIT = 250  # [create] [delete] characters of a name and of an id
VALUE_LIMIT = 5000  # [replace] characters of a value
TYPES: Mapping[str, Callable[[Any], bool]] = {  # [create]
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "time": lambda value: _is_moment(value),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}
Answer = tuple[int, dict[str, Any]]
DONE: Answer = (202, {"message": "success"})


class Catalogs:
    """Catalogs with the types of their fields, and their items by id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fields: dict[str, dict[str, str]] = {}
        self._items: dict[str, dict[str, dict[str, Any]]] = {}

    def create(self, name: str, fields: Mapping[str, str]) -> None:
        """Make a catalog as somebody does in Braze; the id is its first field. [create]"""
        if not _is_name(name) or not all(map(_is_name, fields)):
            raise ValueError("A name has 1 to 250 letters, digits, - and _.")
        if unknown := set(fields.values()) - TYPES.keys():
            raise ValueError(f"There is no type {', '.join(sorted(unknown))}.")
        with self._lock:
            self._fields[name] = {"id": "string", **fields}
            self._items[name] = {}

    def items(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Return every catalog's items by their id."""
        with self._lock:
            return {name: dict(items) for name, items in self._items.items()}

    def listed(self) -> Answer:
        """Answer with the catalogs and their fields. [list]"""
        with self._lock:
            return 200, {
                "catalogs": [
                    {
                        "description": "",
                        "fields": [{"name": key, "type": kind} for key, kind in fields.items()],
                        "name": name,
                        "num_items": len(self._items[name]),
                        "updated_at": "2026-11-01T00:00:00.000+00:00",
                    }
                    for name, fields in self._fields.items()
                ],
                "message": "success",
            }

    def write(self, catalog: str, body: bytes, *, deletes: bool) -> Answer:
        """Replace or delete items; nothing is written where an error is told."""
        with self._lock:
            if catalog not in self._fields:
                found = _error("catalog-not-found", "Could not find catalog", catalog)
                return 404, {"errors": [found], "message": "Invalid Request"}
            items = _items(body)
            if items is None:
                found = _error("request-missing-item-array", "An array 'items' is required")
                return 400, {"errors": [found], "message": "Invalid Request"}
            if errors := self._errors(catalog, items, deletes):
                return 400, {"errors": errors, "message": "Invalid Request"}
            there = self._items[catalog]
            for item in items:
                there.pop(item["id"], None)
                if not deletes:
                    there[item["id"]] = {key: item[key] for key in item if key != "id"}
            return DONE

    def _errors(self, catalog: str, items: list[Any], deletes: bool) -> list[dict[str, Any]]:
        if not items or len(items) > ITEMS_LIMIT:
            text = f"A request has 1 to {ITEMS_LIMIT} items"
            return [_error("request-includes-too-many-items", text)]
        if not all(isinstance(item, dict) for item in items):
            return [_error("items-wrong-type", "Items are objects")]
        if missing := sum("id" not in item for item in items):
            text = f"There are {missing} item(s) that do not have ids"
            return [_error("items-missing-ids", text)]
        ids = [item["id"] for item in items]
        if not all(isinstance(one, str) for one in ids):
            return [_error("ids-not-strings", "Item IDs must be of type string")]
        errors = []
        rules: list[tuple[str, str, Callable[[dict[str, Any]], bool]]] = [
            ("ids-too-large", "Item IDs can't be more than 250 characters", _has_long_id),
            ("invalid-ids", "IDs have letters, numbers, hyphens and underscores", _has_wrong_id),
            ("ids-not-unique", "Item IDs must be unique", lambda item: counted[item["id"]] > 1),
        ]
        counted = Counter(ids)
        types = self._fields[catalog]
        if not deletes:
            rules += [
                (
                    "invalid-fields",
                    "Some of the fields given do not exist in the catalog",
                    lambda item: not item.keys() <= types.keys(),
                ),
                ("items-too-large", "A value has more than 5,000 characters", _has_long_value),
                (
                    "unable-to-coerce-value",
                    "A value is not of its field's type",
                    lambda item: any(
                        value is not None and not TYPES[types[key]](value)
                        for key, value in item.items()
                        if key in types
                    ),
                ),
            ]
        for name, text, is_wrong in rules:
            wrong = sorted({item["id"] for item in items if is_wrong(item)})
            errors += [_error(name, text, *wrong)] if wrong else []
        return errors


def _items(body: bytes) -> list[Any] | None:
    try:
        found = json.loads(body)["items"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, list) else None


def _error(name: str, text: str, *ids: str) -> dict[str, Any]:
    parameters = ["id"] if ids else []
    return {"id": name, "message": text, "parameters": parameters, "parameter_values": list(ids)}


def _is_name(name: str) -> bool:
    return bool(ID.fullmatch(name)) and len(name) <= NAME_LIMIT


def _has_long_id(item: dict[str, Any]) -> bool:
    return len(item["id"]) > NAME_LIMIT


def _has_wrong_id(item: dict[str, Any]) -> bool:
    return not ID.fullmatch(item["id"])


def _has_long_value(item: dict[str, Any]) -> bool:
    return any(isinstance(value, str) and len(value) > VALUE_LIMIT for value in item.values())


def _is_moment(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False
