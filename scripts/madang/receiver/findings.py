"""What is wrong with an item, in words that a partner's developer can act on; never a value."""

from collections.abc import Sequence
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
PATTERNS = "The text is not in the form that this field has."


class Finding(BaseModel):
    """One problem of one item."""

    model_config = ConfigDict(frozen=True)

    field: str | None = Field(description="The field; null when it is the item as a whole.")
    code: str = Field(description="A stable name of the problem, for programs.")
    message: str = Field(description="What is wrong, for people.")
    fix: str = Field(description="What to do about it.")


def findings_of(error: ValidationError, known: Sequence[str]) -> list[Finding]:
    """Return one finding a field. An unknown field is named only when it could be a slip."""
    found: dict[str | None, Finding] = {}
    for problem in error.errors(include_url=False, include_input=False):
        field = str(problem["loc"][0]) if problem["loc"] else None
        found.setdefault(field, _finding(field, problem, known))
    return list(found.values())


def _finding(field: str | None, problem: Any, known: Sequence[str]) -> Finding:
    kind = problem["type"]
    context = problem.get("ctx") or {}
    if "fix" in context:
        return Finding(field=field, code=kind, message=problem["msg"], fix=context["fix"])
    if kind == "extra_forbidden":
        hint = did_you_mean(field, known) if field and len(field) <= 60 else ""
        shown = field if hint else None
        message = f"There is no such field.{hint}"
        fix = f"Known fields: {', '.join(known)}."
        return Finding(field=shown, code="unknown_field", message=message, fix=fix)
    if kind in WORDS:
        message, fix = WORDS[kind]
        return Finding(field=field, code=kind, message=message, fix=fix)
    if kind == "string_pattern_mismatch":
        return Finding(field=field, code="format", message=PATTERNS, fix=_see(field))
    return Finding(field=field, code=kind, message=f"{problem['msg']}.", fix=_see(field))


def _see(field: str | None) -> str:
    return f"See '{field}' in /openapi.json." if field else "See /openapi.json."
