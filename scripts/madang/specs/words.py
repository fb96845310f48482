"""What pydantic finds wrong with a value, in the words of somebody who wrote YAML."""

from typing import Any

KINDS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping of keys",
    "model": "a mapping of keys",
    "model_attributes": "a mapping of keys",
    "date": "a date such as 2026-10-05",
    "date_from_datetime": "a date such as 2026-10-05",
    "datetime": "a moment such as 2026-10-05T15:00:00+09:00",
    "datetime_from_date": "a moment such as 2026-10-05T15:00:00+09:00",
    "timezone": "a moment with its zone, such as 2026-10-05T15:00:00+09:00",
    "path": "the path of a file or folder",
    "decimal": "a number",
    "finite_number": "a number that can be compared",
    "none_required": "nothing",
}
LIMITS = {
    "greater_than": ("gt", "must be greater than {}"),
    "greater_than_equal": ("ge", "must be greater than or equal to {}"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be less than or equal to {}"),
    "too_short": ("min_length", "must be a list of at least {}"),
    "too_long": ("max_length", "must be a list of at most {}"),
    "string_too_short": ("min_length", "must not be empty"),
    "string_too_long": ("max_length", "must have at most {} letters"),
}


def words_of(found: Any) -> str:
    """Return what is wrong with a value that pydantic refused, and what it is."""
    kind, given = found["type"], _given(found["input"])
    if kind == "literal_error":
        return f"must be {found['ctx']['expected']}{given}."
    if kind in LIMITS:
        key, words = LIMITS[kind]
        limit = found["ctx"][key]
        return f"{words.format(f'{limit:g}' if isinstance(limit, float) else limit)}{given}."
    if kind == "string_type" and isinstance(found["input"], int | float):
        return f"must be text, so put it into quotes{given}."
    for ending in ("_type", "_parsing", "_from_float", "_aware", "_size", "_inexact", ""):
        name = kind.removesuffix(ending) if ending else kind
        if name in KINDS and (not ending or kind.endswith(ending)):
            return f"must be {KINDS[name]}{given}."
    return f"cannot be read as what is meant here{given}."


def _given(value: Any) -> str:
    if isinstance(value, bool):
        return f" (found {str(value).lower()})"
    if isinstance(value, str | int | float):
        shown = repr(value)
        return f" (found {shown if len(shown) <= 60 else shown[:60] + '…'})"
    if value is None:
        return " (nothing is given)"
    if isinstance(value, dict):
        return " (found a mapping of keys)"
    return " (found a list)" if isinstance(value, list | tuple) else ""
