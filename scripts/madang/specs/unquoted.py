"""Finds values without quotes that YAML 1.1 makes something else of: NO, 0123, 1.10, 1:30.

dbt reads the same file in the same way, so a rule would silently ask for another value.
"""

import math
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from madang.errors import Problem
from madang.specs.located_yaml import Lines
from madang.specs.schema import kinds_at

PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?|-?\.\d+")


def unquoted(model: type, file: str, lines: Lines, at: tuple) -> dict[tuple, Problem]:
    """Return a finding for every such key and value of a rule, by its place in the file.

    `model` says what is meant at each place: a number may be written as 19.90, text may not.
    """
    found: dict[tuple, Problem] = {}
    for place, (written, value) in lines.keys_retyped.items():
        if _below(place, at):
            found[place] = _problem(file, lines, place, f"The key {written}", written, value)
    for place, (written, value) in lines.retyped.items():
        if place not in found and _below(place, at):
            kinds = kinds_at(model, place[len(at) :])
            if kinds and not _is_meant(kinds, written, value):
                named = f"{_name(place)}: {written}" if written else _name(place)
                problem = _problem(file, lines, place, named, written, value)
                if not any(_is_text(kind) for kind in kinds):
                    problem = _of_a_number(problem, f"{_name(place)}: {written}", value)
                found[place] = problem
    return found


def unquoted_freely(file: str, lines: Lines, at: tuple) -> list[Problem]:
    """Return a finding for what neither a number, a truth nor nothing is meant by, at any place."""
    return [
        _problem(file, lines, place, f"{_name(place)}: {written}", written, value)
        for place, (written, value) in lines.retyped.items()
        if _below(place, at)
        and not (value is None or written in ("true", "false") or PLAIN_NUMBER.fullmatch(written))
    ]


def _below(place: tuple, at: tuple) -> bool:
    return len(place) > len(at) and place[: len(at)] == at


def _is_meant(kinds: list[Any], written: str, value: Any) -> bool:
    """Say whether a value is to be what YAML makes of it, or is left to the model to refuse."""
    any_value, text = Any in kinds, any(_is_text(kind) for kind in kinds)
    if value is None:
        return (NoneType in kinds or not written) and not any_value
    if isinstance(value, str):
        return not text and bool not in kinds and int not in kinds and float not in kinds
    if isinstance(value, bool):
        if bool in kinds or (any_value and written in ("true", "false")):
            return True
        return not (text or {int, float} & {*kinds})
    if isinstance(value, int | float):
        if not text:
            return bool(PLAIN_NUMBER.fullmatch(written)) or not {int, float} & {*kinds}
        if _as_sql_has_it(value) == written:
            return isinstance(value, int) or any_value  # where text is a must, the model says so
        return False
    return not text or any(isinstance(kind, type) and issubclass(kind, date) for kind in kinds)


def _is_text(kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return any(isinstance(one, str) for one in get_args(kind))
    return kind in (Any, str, Path)


def _as_sql_has_it(value: float) -> str:
    """As the macro `value_texts` writes it: a whole number without a decimal point."""
    whole = math.isfinite(value) and value == int(value)
    return str(int(value)) if whole else repr(value)


def _of_a_number(problem: Problem, named: str, value: Any) -> Problem:
    """What is wrong where a number is meant, and quotes would not help."""
    if isinstance(value, bool):
        return replace(problem, message=f"{named} is no number.", fix="Write a number.")
    if isinstance(value, int | float) and math.isfinite(value):
        return replace(problem, fix=f"Write {_as_sql_has_it(value)}.")
    return replace(problem, fix="Write a plain number, such as 1500 or 0.5.")


def _problem(
    file: str, lines: Lines, place: tuple, named: str, written: str, value: Any
) -> Problem:
    if value is None:
        message = f"{named} is nothing to YAML." if written else f"{named}: nothing stands here."
    elif isinstance(value, str):
        message = f"{named} is not the same to every reader of YAML."
    elif isinstance(value, date):
        message = f"{named} is a date to YAML, and no text."
    elif isinstance(value, float) and not math.isfinite(value):
        message = f"{named} is no number that can be compared."
    else:
        becomes = str(value).lower() if isinstance(value, bool) else _as_sql_has_it(value)
        message = f"{named} becomes {becomes} in YAML."
        if becomes == written:
            message = f"{named} is no text to YAML."
    fix = f'Put it into quotes if this text is meant: "{written}".'
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        fix += f" Write {_as_sql_has_it(value)} if this number is."
    if not written:
        fix = "Give it a value, or remove it."
    return Problem(file, lines[place], message, fix)


def _name(place: tuple) -> str:
    keys = [part for part in place if isinstance(part, str)]
    return keys[-1] if keys else "a value"
