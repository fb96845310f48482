"""What reports of conversions share at every platform: how a row is read, what is wrong with it.

A sync model writes a row as JSON whose values are texts (`sync_conversions` in macros/activation).
What can be known to be wrong is said before anything is sent.
"""

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from madang.sync.destinations.base import NoOptions, Outcome, SyncObject
from madang.sync.destinations.members import hash_of

AHEAD = 60  # seconds that an event may lie ahead of the clock
MICROS = 1_000_000
CURRENCY = re.compile(r"[A-Z]{3}")
CLICK_ID = re.compile(r"[!-~]{1,1024}")  # what an address can hold
DIGITS = re.compile(r"\d{15,17}")
TEXTS = {str, type(None)}
WaitDays = Annotated[int, Field(ge=0, le=90)]


class WrongReport(ValueError):
    """A row that is not sent; the text says why, without its values."""


class ReportOptions(NoOptions):
    """`wait_days`: a conversion is reported so many days after it was verified, not before."""

    wait_days: WaitDays = 0


@dataclass(frozen=True)
class Report:
    """One conversion, or the correction of one. Moments are microseconds since 1970, UTC.

    `age` is in seconds.
    """

    operation: str
    transaction_id: str
    happened: int
    converted: int | None
    value: float | None
    currency: str | None
    click_id_name: str | None
    click_id: str | None
    clicked: int | None
    match_keys: tuple[tuple[str, str], ...]
    device_id: str | None
    object_id: str | None
    age: float

    @property
    def hashes(self) -> dict[str, list[str]]:
        """The match keys by kind."""
        return {
            kind: [value for found, value in self.match_keys if found == kind]
            for kind in sorted({kind for kind, _ in self.match_keys})
        }


def read_report(
    one: SyncObject, platform: str, click_ids: Collection[str], now: datetime
) -> Report:
    """Read a row for a platform that takes these click ids. Raises WrongReport."""
    told = texts(one.changes[0].value)
    keys = tuple(hash_of(key) for key in (told.get("match_keys") or "").split())
    if ("", "") in keys:
        raise WrongReport("A match key is no SHA-256 hash.")
    happened = micros(needed(told, "happened_micros"))
    report = Report(
        operation=needed(told, "operation"),
        transaction_id=needed(told, "transaction_id"),
        happened=happened,
        converted=micros(text) if (text := told.get("converted_micros")) else None,
        value=_value(told.get("value")),
        currency=told.get("currency"),
        click_id_name=told.get("click_id_name"),
        click_id=told.get("click_id"),
        clicked=micros(text) if (text := told.get("clicked_micros")) else None,
        match_keys=keys,
        device_id=told.get("device_id"),
        object_id=told.get("object_id"),
        age=now.timestamp() - happened / MICROS,
    )
    if report.age < -AHEAD:
        raise WrongReport("It lies in the future.")
    if report.value is not None and not report.currency:
        raise WrongReport("It has a value and no currency.")
    if report.currency and not CURRENCY.fullmatch(report.currency):
        raise WrongReport("Its currency is no code of three capital letters, such as KRW.")
    if (report.click_id is None) != (report.click_id_name is None):
        raise WrongReport("It has a click id without a name, or a name without a click id.")
    if report.click_id_name is not None and report.click_id_name not in click_ids:
        raise WrongReport(f"Its click id is not one of {platform}'s ({', '.join(click_ids)}).")
    if report.click_id is not None and not CLICK_ID.fullmatch(report.click_id):
        raise WrongReport("Its click id holds what no click id holds.")
    return report


#: An object as JSON. `json.dumps` with separators would make an encoder for each row.
compact = json.JSONEncoder(separators=(",", ":")).encode


def as_it_is(one: SyncObject) -> bytes:
    """Return the bytes of a row: its value."""
    return (one.changes[0].value or "").encode()


def not_sent(problem: str) -> Outcome:
    """Return the outcome of a row that was not sent for what is wrong with it."""
    return Outcome(
        "rejected",
        reason="not sent",
        problem=problem,
        fix="Correct the activation model or its source, then plan and apply again.",
    )


def unknown_type(field: str, known: Mapping[str, Any]) -> WrongReport:
    """Return the problem of a row whose type the sync does not name."""
    return WrongReport(f"The sync names no conversion '{field[:40]}', only {', '.join(known)}.")


def texts(value: str | None) -> dict[str, str | None]:
    try:
        told = json.loads(value or "")
    except ValueError:
        told = None
    if not isinstance(told, dict) or not set(map(type, told.values())) <= TEXTS:
        raise WrongReport("Its value is no JSON object of texts, as sync_conversions writes it.")
    return told


def needed(told: Mapping[str, str | None], name: str) -> str:
    found = told.get(name)
    if not found:
        raise WrongReport(f"It has no {name}.")
    return found


def micros(text: str) -> int:
    if not DIGITS.fullmatch(text):
        raise WrongReport("One of its moments is not in microseconds since 1970.")
    return int(text)


def _value(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise WrongReport("Its value is no amount of zero or more.")
    return value
