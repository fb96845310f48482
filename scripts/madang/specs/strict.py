"""Turns what pydantic finds in YAML data into problems with a file, a line and "did you mean"."""

import re
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Tag, ValidationError

from madang.errors import Problem, did_you_mean
from madang.http.address import checked
from madang.specs.located_yaml import Lines, line_of


class Strict(BaseModel):
    """A mapping whose keys are all known. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def matching(pattern: str, meaning: str) -> AfterValidator:
    """Text that must match `pattern` whole; the error says what is meant instead of the pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"'{text}' is not {meaning}.")
        return text

    return AfterValidator(check)


EnvironmentName = Annotated[
    str, matching(r"[A-Z][A-Z0-9_]*", "the name of an environment variable")
]
HttpAddress = Annotated[str, AfterValidator(checked)]


def problems_of(
    error: ValidationError, model: type[BaseModel], file: str, lines: Lines, at: tuple = ()
) -> list[Problem]:
    """Return one problem for every finding; `at` is where the validated data stands in the file."""
    problems = []
    for found in error.errors(include_url=False):
        place = at + found["loc"]
        name = _name_of(found["loc"])
        if found["type"] == "extra_forbidden":
            known = sorted(_keys_at(model, found["loc"][:-1]))
            message = f"Unknown key '{found['loc'][-1]}'.{did_you_mean(found['loc'][-1], known)}"
            problems.append(
                _problem(file, lines, place, message, f"Known keys: {', '.join(known)}.")
            )
        elif found["type"] == "missing":
            problems.append(_problem(file, lines, place, f"The key '{name}' is missing."))
        elif found["type"] == "value_error":
            text = str(found["ctx"]["error"])
            problems.append(
                _problem(file, lines, place, text if name in text else f"{name}: {text}")
            )
        elif found["type"] == "rule_kind":
            problems.append(_problem(file, lines, place, f"{found['msg']}."))
        else:
            shown = _shown(found["input"])
            message = f"{name}: {found['msg']}{shown}." if name else f"{found['msg']}{shown}."
            problems.append(_problem(file, lines, place, message))
    return problems


def _problem(
    file: str, lines: Lines, place: tuple, message: str, fix: str | None = None
) -> Problem:
    return Problem(file, line_of(lines, place), message, fix)


def _name_of(loc: tuple) -> str:
    """The last key of a place, with list positions: `channels[0]`.

    Parts in brackets are no keys of the file: kinds of a union, and what pydantic calls a key.
    """
    loc = tuple(part for part in loc if not (isinstance(part, str) and part[:1] in ("(", "[")))
    keys = [part for part in loc if isinstance(part, str)]
    tail = loc[-1] if loc else ""
    if isinstance(tail, int) and keys:
        return f"{keys[-1]}[{tail}]"
    return keys[-1] if keys else ""


def _shown(value: Any) -> str:
    if isinstance(value, str | int | float | bool):
        return f" (found {value!r})"
    return " (nothing is given)" if value is None else ""


def _keys_at(model: type[BaseModel], loc: tuple) -> set[str]:
    """The keys that the model at `loc` knows: follows fields, list items and tagged unions."""
    current: list[Any] = [model]
    for part in loc:
        current = [nested for kind in current for nested in _step(kind, part)]
    keys: set[str] = set()
    for kind in (leaf for nested in current for leaf in _unwrapped(nested)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys |= {field.alias or name for name, field in kind.model_fields.items()}
    return keys


def _step(kind: Any, part: Any) -> list[Any]:
    found = []
    for leaf in _unwrapped(kind):
        if get_origin(leaf) in (list, tuple, set) and isinstance(part, int):
            found.append(get_args(leaf)[0])
        elif get_origin(leaf) is dict:
            found.append(get_args(leaf)[1])
        elif isinstance(leaf, type) and issubclass(leaf, BaseModel):
            for name, field in leaf.model_fields.items():
                if part in (name, field.alias):
                    found.append(Annotated[field.annotation, *field.metadata, "field"])
    return _tagged(kind, part) or found


def _tagged(kind: Any, part: Any) -> list[Any]:
    """Members of a tagged union whose tag is `part`."""
    if get_origin(kind) is Annotated:
        inner, *metadata = get_args(kind)
        if any(isinstance(item, Tag) and item.tag == part for item in metadata):
            return [inner]
        return _tagged(inner, part)
    if get_origin(kind) in (Union, UnionType):
        return [leaf for member in get_args(kind) for leaf in _tagged(member, part)]
    return []


def _unwrapped(kind: Any) -> list[Any]:
    """The kinds behind Annotated and unions."""
    if get_origin(kind) is Annotated:
        return _unwrapped(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [leaf for member in get_args(kind) for leaf in _unwrapped(member)]
    return [kind]
