"""Dates and moments as people and Excel write them: year first, a clock, an offset, a serial."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

from madang.ingest.cells import Cell, from_serial

DAY = r"(\d{4})(?:[-./]|년)\s*(\d{1,2})(?:[-./]|월)\s*(\d{1,2})(?:\.|일)?"
DATE = re.compile(rf"{DAY}|(\d{{4}})(\d{{2}})(\d{{2}})")
CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
OFFSET = r"(Z|UTC|[+-]\d{2}(?::?\d{2})?)"
TIMESTAMP = re.compile(
    rf"{DAY}(?:(?:\s*T|\s+)(오전|오후|AM|PM)?\s*{CLOCK}\s*{OFFSET}?)?", re.IGNORECASE
)


def read_moment(cell: Cell) -> datetime | None:
    """Return the moment that a cell holds, None when it holds none that exists.

    A date alone is its midnight; the moment has a zone only where the text names one.
    """
    if not isinstance(cell, str):
        return _native_moment(cell)
    text = unicodedata.normalize("NFKC", cell)
    if found := DATE.fullmatch(text):
        return _moment([part for part in found.groups() if part])
    if found := TIMESTAMP.fullmatch(text):
        return _clocked(_moment(found.groups()[:3]), *found.groups()[3:])
    return None


def _native_moment(cell: Cell) -> datetime | None:
    """A date cell, or a number that is an Excel serial or yyyymmdd."""
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    if float(cell).is_integer() and 19_000_101 <= cell <= 21_001_231:
        text = str(int(cell))
        return _moment((text[:4], text[4:6], text[6:]))
    return from_serial(cell)


def _moment(parts: Sequence[str]) -> datetime | None:
    year, month, day = (int(part) for part in parts)
    try:
        return datetime(year, month, day) if 1900 <= year <= 2100 else None
    except ValueError:
        return None


def _clocked(
    day: datetime | None,
    half: str | None,
    hour: str | None,
    minute: str | None,
    second: str | None,
    fraction: str | None,
    offset: str | None,
) -> datetime | None:
    """Add the clock's parts to a day; None when they make no moment."""
    if day is None or hour is None:
        return day
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half.lower() in ("오후", "pm") else 0)
    microsecond = int((fraction or "").ljust(6, "0")[:6])
    try:
        zone = datetime.fromisoformat(f"2026-01-01T00:00:00{_offset(offset)}").tzinfo
        return day.replace(
            hour=hours,
            minute=int(minute or 0),
            second=int(second or 0),
            microsecond=microsecond,
            tzinfo=zone,
        )
    except ValueError:
        return None


def _offset(text: str | None) -> str:
    return "+00:00" if text and text.upper() in ("Z", "UTC") else text or ""
