"""What reports of conversions share at every platform: `sync_conversions` writes their rows."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from madang.sync.destinations.base import NoOptions, Outcome, Receipt, SyncObject
from madang.sync.destinations.members import hash_of
from madang.sync.destinations.rows import AHEAD, CURRENCY, MICROS, WrongRow, micros, needed, texts

CLICK_ID = re.compile(r"[!-~]{1,1024}")  # what an address can hold
WaitDays = Annotated[int, Field(ge=0, le=90)]


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
    """Read a row for a platform that takes these click ids. Raises WrongRow."""
    told = texts(one.changes[0].value)
    keys = tuple(hash_of(key) for key in (told.get("match_keys") or "").split())
    if ("", "") in keys:
        raise WrongRow("A match key is no SHA-256 hash.")
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
        raise WrongRow("It lies in the future.")
    if report.value is not None and not report.currency:
        raise WrongRow("It has a value and no currency.")
    if report.currency and not CURRENCY.fullmatch(report.currency):
        raise WrongRow("Its currency is no code of three capital letters, such as KRW.")
    if (report.click_id is None) != (report.click_id_name is None):
        raise WrongRow("It has a click id without a name, or a name without a click id.")
    if report.click_id_name is not None and report.click_id_name not in click_ids:
        raise WrongRow(f"Its click id is not one of {platform}'s ({', '.join(click_ids)}).")
    if report.click_id is not None and not CLICK_ID.fullmatch(report.click_id):
        raise WrongRow("Its click id holds what no click id holds.")
    return report


def only_tested(receipt: Receipt, platform: str, setting: str) -> Receipt:
    """Count what was taken as a test as not reported: the platform keeps none of it."""
    tested = Outcome(
        "rejected",
        reason="sent as a test",
        problem=f"{platform} got it as a test ({setting}) and counts it nowhere.",
        fix=f"Take {setting} out of madang.yml, then plan and apply again.",
    )
    for number, outcome in receipt.outcomes.items():
        if outcome.status == "accepted":
            receipt.outcomes[number] = tested
    return receipt


def unknown_type(field: str, known: Mapping[str, Any]) -> WrongRow:
    """Return the problem of a row whose type the sync does not name."""
    return WrongRow(f"The sync names no conversion '{field[:40]}', only {', '.join(known)}.")


def _value(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise WrongRow("Its value is no amount of zero or more.")
    return value
