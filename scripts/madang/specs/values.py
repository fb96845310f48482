"""The small parts that rules share: names, durations, values and the kind of a rule."""

from typing import Annotated, Any

from pydantic import AfterValidator

from madang.specs.strict import matching

Name = Annotated[str, matching(r"[a-z][a-z0-9_]*", "a plain name (a-z, 0-9, _)")]
SCALARS = (str, bool, int, float)


def _values(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, SCALARS) for item in items):
        raise ValueError("give one value or a list of values.")
    return value


def _texts(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str) and item for item in items):
        raise ValueError("give one name or a list of names.")
    return value


Values = Annotated[Any, AfterValidator(_values)]
Texts = Annotated[Any, AfterValidator(_texts)]


def _positive(text: str) -> str:
    if int(text.split()[0]) == 0:
        raise ValueError("the duration must be longer than nothing.")
    return text


Duration = Annotated[
    str,
    matching(
        r"\d+ (minute|minutes|hour|hours|day|days)",
        "a duration such as '30 minutes', '1 hour' or '14 days'",
    ),
    AfterValidator(_positive),
]


Day = Annotated[
    str, matching(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", "a day such as '2026-10-01'")
]


def one_of(data: Any, keys: tuple[str, ...]) -> list[str]:
    """Return which of `keys` stand in a mapping."""
    return [key for key in keys if isinstance(data, dict) and key in data]
