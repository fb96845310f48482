"""Rows that a model writes as JSON: how one is read, what is wrong with it, how JSON is written.

A sync model that says more of a row than one value writes it as JSON whose values are texts (see
macros/activation). What can be known to be wrong is said before anything is sent.
"""

import json
import re
from collections.abc import Mapping

from madang.sync.destinations.base import Outcome, SyncObject

AHEAD = 60  # seconds that an event may lie ahead of the clock
MICROS = 1_000_000
CURRENCY = re.compile(r"[A-Z]{3}")
DIGITS = re.compile(r"\d{15,17}")
TEXTS = {str, type(None)}
CORRECT = "Correct the activation model or its source, then plan and apply again."

#: A value as JSON. `json.dumps` with separators would make an encoder for each row.
compact = json.JSONEncoder(separators=(",", ":")).encode
#: The same, with letters as they are.
plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class WrongRow(ValueError):
    """A row that is not sent; the text says why, without its values."""


def texts(value: str | None) -> dict[str, str | None]:
    """Return what a row says. Raises WrongRow."""
    try:
        told = json.loads(value or "")
    except ValueError:
        told = None
    if not isinstance(told, dict) or not set(map(type, told.values())) <= TEXTS:
        raise WrongRow("Its value is no JSON object of texts.")
    return told


def needed(told: Mapping[str, str | None], name: str) -> str:
    """Return a text that must be there. Raises WrongRow."""
    found = told.get(name)
    if not found:
        raise WrongRow(f"It has no {name}.")
    return found


def micros(text: str) -> int:
    """Return a moment: microseconds since 1970, UTC. Raises WrongRow."""
    if not DIGITS.fullmatch(text):
        raise WrongRow("One of its moments is not in microseconds since 1970.")
    return int(text)


def as_it_is(one: SyncObject) -> bytes:
    """Return the bytes of a row: its value."""
    return (one.changes[0].value or "").encode()


def not_sent(problem: str) -> Outcome:
    """Return the outcome of a row that was not sent for what is wrong with it."""
    return Outcome("rejected", "not sent", problem, CORRECT)
