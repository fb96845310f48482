"""Checks YAML data against models: every problem with its file, its line and "did you mean"."""

import copy
import re
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from madang.errors import Problem, did_you_mean
from madang.http.address import checked
from madang.specs.located_yaml import Lines, place_of
from madang.specs.schema import keys_at
from madang.specs.unquoted import unquoted
from madang.specs.words import words_of


class Strict(BaseModel):
    """A mapping whose keys are all known. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Strict)


def matching(pattern: str, meaning: str) -> AfterValidator:
    """Text that must match `pattern` whole; the error says what is meant instead of the pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"'{text}' is not {meaning}.")
        return text

    return AfterValidator(check)


def _environment_name(text: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", text):  # without the text: it may be the secret itself
        raise ValueError("this is not the name of an environment variable, such as MADANG_X.")
    return text


EnvironmentName = Annotated[str, AfterValidator(_environment_name)]
HttpAddress = Annotated[str, AfterValidator(checked)]


def validated(
    model: type[Model], data: Any, file: str, lines: Lines, at: tuple = ()
) -> tuple[Model | None, list[Problem]]:
    """Return what the data is, and every problem found in it; `at` is its place in the file.

    An unknown key hides no other mistake: it is then read as the key that was probably meant, or
    left out. So there may be a model beside problems, for further checks and nothing else; it is
    None where no reading holds together.
    """
    findings = unquoted(model, file, lines, at)
    found: dict[tuple[tuple, str], Problem] = {}
    try:
        read = model.model_validate(data)
    except ValidationError as error:
        read = None
        _collect(error, model, file, lines, at, found)
        data, lines = _with_known_keys(error, model, data, lines, at)
        try:
            read = model.model_validate(data)
        except ValidationError as second:
            _collect(second, model, file, lines, at, found)
    told = [problem for (place, _), problem in found.items() if place not in findings]
    return read, [*findings.values(), *told]


def _collect(
    error: ValidationError,
    model: type[Strict],
    file: str,
    lines: Lines,
    at: tuple,
    found: dict[tuple[tuple, str], Problem],
) -> None:
    """Add one problem for every finding; a value that fits none of several kinds is one."""
    for one in error.errors(include_url=False):
        if one["type"] == "invalid_key" or (
            one["type"] == "string_type" and one["loc"][-1] == "[key]"
        ):
            continue  # a key that is no text: a finding about quotes
        place = place_of(lines, (*at, *one["loc"]))
        message, fix, kind = _told(one, model, place[len(at) :])
        # one value against several kinds (a whole number, a number): one finding
        key = (place, message if kind in ("unknown", "missing", "rule") else "")
        if key not in found:
            found[key] = Problem(file, lines.get(place, 0), message, fix)


def _told(one: Any, model: type[Strict], place: tuple) -> tuple[str, str | None, str]:
    name = _name_of(place)
    if one["type"] == "extra_forbidden":
        known = sorted(keys_at(model, one["loc"][:-1]))
        message = f"Unknown key '{one['loc'][-1]}'.{did_you_mean(one['loc'][-1], known)}"
        return message, f"Known keys: {', '.join(known)}.", "unknown"
    if one["type"] == "missing":
        return f"The key '{one['loc'][-1]}' is missing.", None, "missing"
    if one["type"] == "value_error":
        text = str(one["ctx"]["error"])
        return (text if name in text else f"{name}: {text}"), None, "rule"
    if one["type"] == "rule_kind":
        return f"{one['msg']}.", None, "rule"
    text = words_of(one)
    return (f"{name}: {text}" if name else f"{text[:1].upper()}{text[1:]}"), None, "value"


def _with_known_keys(
    error: ValidationError, model: type[Strict], data: Any, lines: Lines, at: tuple
) -> tuple[Any, Lines]:
    """Return the data with each unknown key under the name that was probably meant, or without."""
    data, renamed = copy.deepcopy(data), copy.copy(lines)
    for one in error.errors(include_url=False):
        if one["type"] != "extra_forbidden":
            continue
        *parent, key = place_of(lines, (*at, *one["loc"]))[len(at) :] or (None,)
        mapping = data
        for part in parent:
            mapping = mapping[part]
        if not isinstance(mapping, dict) or key not in mapping:
            continue
        value = mapping.pop(key)
        known = keys_at(model, one["loc"][:-1])
        meant = [name for name in known if f"'{name}'" in did_you_mean(key, known)]
        if meant and meant[0] not in mapping:
            mapping[meant[0]] = value
            for place, line in _below(lines, (*at, *parent, key)):
                renamed[(*at, *parent, meant[0], *place)] = line
    return data, renamed


def _below(lines: Lines, at: tuple) -> Iterator[tuple[tuple, int]]:
    for place, line in lines.items():
        if place[: len(at)] == at:
            yield place[len(at) :], line


def _name_of(place: tuple) -> str:
    """The last key of a place of the file, with list positions: `channels[0]`."""
    keys = [part for part in place if isinstance(part, str)]
    if place and isinstance(place[-1], int) and keys:
        return f"{keys[-1]}[{place[-1]}]"
    return keys[-1] if keys else ""
