"""What is wrong with an item, in words that a partner's developer can act on; never a value."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from madang.errors import did_you_mean

WORDS = {
    "missing": ("The field is required.", "Send it."),
    "string_type": ("The value must be text.", "Put it between quotes."),
    "string_too_short": ("The text is empty.", "Leave the field out, or send null."),
    "bool_type": ("The value must be true or false.", "Send it without quotes."),
    "int_type": ("The value must be a whole number.", "Send it without quotes and fraction."),
    "model_type": ("An item must be a JSON object.", 'Send {"…": "…"}.'),
    "model_attributes_type": ("An item must be a JSON object.", 'Send {"…": "…"}.'),
}
FORMS = {
    "id": "Send one word, without spaces, as your system shows it.",
    "date": "Send it as 2026-10-06.",
    "timestamp": "Send it with its offset, as 2026-10-06T14:30:00+09:00 or 2026-10-06T05:30:00Z.",
    "amount": "Send a number, or its digits as text: 12000 or '12000.50'.",
    "integer": "Send a whole number.",
    "phone": "Send one number, such as 010-0000-0000 or +82 10 0000 0000.",
    "email": "Send one address, such as name@company.example.",
}


MOST = 20  # findings of a request that are told


class Finding(BaseModel):
    """One problem of one item."""

    model_config = ConfigDict(frozen=True)

    field: str | None = Field(description="The field; null when it is the item as a whole.")
    code: str = Field(description="A stable name of the problem, for programs.")
    message: str = Field(description="What is wrong, for people.")
    fix: str = Field(description="What to do about it.")


class Findings(list[Finding]):
    """The first findings of an item; `in_all` counts those that are not told, too."""

    def __init__(self, told: Iterable[Finding], in_all: int) -> None:
        super().__init__(told)
        self.in_all = in_all


def findings_of(error: ValidationError, types: Mapping[str, str], most: int = MOST) -> Findings:
    """Return one finding a field, at most so many; `types` are the fields with their types.

    An unknown field is named only when it could be a slip.
    """
    wrong: dict[str | None, Any] = {}
    for problem in error.errors(include_url=False, include_input=False):
        wrong.setdefault(str(problem["loc"][0]) if problem["loc"] else None, problem)
    told = itertools.islice(wrong.items(), max(0, most))
    return Findings((_finding(field, problem, types) for field, problem in told), len(wrong))


def _finding(field: str | None, problem: Any, types: Mapping[str, str]) -> Finding:
    kind = problem["type"]
    context = problem.get("ctx") or {}
    if "fix" in context:
        return Finding(field=field, code=kind, message=problem["msg"], fix=context["fix"])
    if kind == "extra_forbidden":
        hint = did_you_mean(field, types) if field and len(field) <= 60 else ""
        shown = field if hint else None
        message = f"There is no such field.{hint}"
        fix = f"Known fields: {', '.join(types)}."
        return Finding(field=shown, code="unknown_field", message=message, fix=fix)
    form = FORMS.get(types.get(field or "", ""))
    if kind == "string_pattern_mismatch" or (
        form and kind != "missing" and types[field] == "amount"
    ):
        message = "The value is not in the form that this field has."
        return Finding(field=field, code="format", message=message, fix=form or _see(field))
    if kind in WORDS:
        message, fix = WORDS[kind]
        return Finding(field=field, code=kind, message=message, fix=fix)
    return Finding(field=field, code=kind, message=f"{problem['msg']}.", fix=_see(field))


def _see(field: str | None) -> str:
    return f"See '{field}' in /openapi.json." if field else "See /openapi.json."
