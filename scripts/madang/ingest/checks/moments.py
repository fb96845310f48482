"""Dates and moments as people and Excel write them: a day, a clock, an offset, a serial."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta, tzinfo

from madang.ingest.checks import problems
from madang.ingest.checks.days import FIRST_YEAR, LAST_YEAR, DayOrder, day_of, read_day
from madang.ingest.checks.national_ids import DASHES
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.signs import visible
from madang.ingest.readers.cells import Cell, from_serial

# What most moments look like.
ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r" ?(Z|[+-]\d{2}(?::?\d{2})?)?)?"
)
HALF = r"(오전|오후|午前|午後|上午|下午|[ap]\.?m\.?)"
AFTERNOON = ("오후", "午後", "下午", "p")
OFFSET = r"(z|utc|gmt|kst|(?:gmt|utc)?\s*[+-]\d{2}(?::?\d{2})?)"
CLOCK = re.compile(
    rf"(?:{HALF}\s*)?"
    r"(?<!\d)(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r"|\s*[시時时](?:\s*(\d{1,2})\s*[분分])?(?:\s*(\d{1,2})\s*[초秒])?)"
    rf"(?:\s*{HALF})?(?:\s*{OFFSET})?$"
)
HOUR_ALONE = re.compile(rf"(?:{HALF}\s*(\d{{1,2}})|(?<!\d)(\d{{1,2}})\s*{HALF})(?:\s*{OFFSET})?$")
DIGITS = re.compile(rf"(\d{{8}})\s*t?\s*(\d{{2}})(\d{{2}})(\d{{2}})?(?:\s*{OFFSET})?")
SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
# Java and JavaScript write a zone's name behind the offset: [Asia/Seoul], (한국 표준시).
ZONE_NAME = re.compile(r"(?<=\d)\s*(?:\[[\w/+-]+\]|\([^()\d]*\))$")
KOREA = "+09:00"
ANY_DASH = re.compile(rf"[{DASHES}]")

NO_CLOCK = (None, None, None)  # minute, second, fraction

Moment = datetime | CellProblem | None


def read_moment(cell: Cell, order: DayOrder | None = None) -> Moment:
    """Return the moment that a cell holds, why it holds none, or None when it is nothing like one.

    A date alone is its midnight; the moment has a zone only where the text names one. `order` is
    what the column shows about the order of days and months.
    """
    if not isinstance(cell, str):
        return _native_moment(cell)
    text = cell if cell.isascii() else unicodedata.normalize("NFKC", visible(cell))
    if found := ISO.fullmatch(text):
        year, month, day, hour, minute, second, fraction, offset = found.groups()
        return _clocked(
            day_of(year, month, day),
            None,
            hour,
            minute,
            second,
            fraction,
            offset and offset.lower(),
        )
    if SERIAL.fullmatch(text):
        return from_serial(float(text))
    text = ZONE_NAME.sub("", ANY_DASH.sub("-", text.strip().lower()).replace("\u2019", "'"))
    if found := DIGITS.fullmatch(text):
        day, hour, minute, second, offset = found.groups()
        return _clocked(
            day_of(day[:4], day[4:6], day[6:]), None, hour, minute, second, None, offset
        )
    before, clock = _split(text)
    if clock and not before:
        return problems.DAY_MISSING
    day = read_day(before, order or DayOrder())
    return _clocked(day, *clock) if clock else _clocked(day)


def _split(text: str) -> tuple[str, tuple[str | None, ...] | None]:
    """Part a text into the day and the clock's parts (half, hour, minute, second, fraction,
    offset); a clock between month and year (JavaScript, C) is not looked for.
    """
    if found := CLOCK.search(text):
        half, hour, minute, second, fraction, min_word, sec_word, later, offset = found.groups()
        half = "both" if half and later else half or later
        parts = (half, hour, minute or min_word, second or sec_word, fraction, offset)
        return _day_part(text, found.start()), parts
    if found := HOUR_ALONE.search(text):
        half, hour, early, later, offset = found.groups()
        return _day_part(text, found.start()), (half or later, hour or early, *NO_CLOCK, offset)
    return text, None


def _day_part(text: str, end: int) -> str:
    """What stands before a clock, without the T between them."""
    before = text[:end].rstrip(" ,")
    return before.removesuffix("t").rstrip() if before[-2:-1].isdigit() else before


def _native_moment(cell: Cell) -> Moment:
    """A date cell, or a number that is an Excel serial or yyyymmdd, with or without a clock."""
    if isinstance(cell, date):  # which a datetime is, too
        if not FIRST_YEAR <= cell.year <= LAST_YEAR:
            return problems.DATE_RANGE
        return cell if isinstance(cell, datetime) else datetime.combine(cell, time())
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    if (
        cell >= 19_000_101
        and float(cell).is_integer()
        and len(text := str(int(cell))) in (8, 12, 14)
    ):
        return read_moment(text)
    return from_serial(cell)


def _clocked(
    day: date | CellProblem | None,
    half: str | None = None,
    hour: str | None = None,
    minute: str | None = None,
    second: str | None = None,
    fraction: str | None = None,
    offset: str | None = None,
) -> Moment:
    """Put a clock to a day; a problem when they make no moment."""
    if not isinstance(day, date):
        return day
    hours = int(hour or 0)
    if half:
        if half == "both" or not 1 <= hours <= 12:
            return problems.TIMESTAMP
        hours = hours % 12 + (12 if half.startswith(AFTERNOON) else 0)
    microsecond = int((fraction or "").ljust(6, "0")[:6])
    try:
        zone = datetime.fromisoformat(f"2026-01-01T00:00:00{_offset(offset)}").tzinfo
        clock = time(hours, int(minute or 0), int(second or 0), microsecond, tzinfo=zone)
    except ValueError:
        return problems.TIMESTAMP
    return datetime.combine(day, clock)


def _offset(text: str | None) -> str:
    if not text:
        return ""
    number = text.removeprefix("gmt").removeprefix("utc").strip()
    return KOREA if number == "kst" else "+00:00" if number in ("", "z") else number


def is_short_of_midnight(moment: datetime) -> bool:
    """Whether a date cell lies seconds before the day that it stands for.

    A library that many websites export with counts days from 1899, when zones were off by odd
    seconds: Seoul's by 52, so that a day becomes 23:59:08 of the one before. 23:59:59 stays, as
    people write it for the end of a day.
    """
    return moment.hour == 23 and moment.minute == 59 and moment.second < 59


def lost_seconds(zone: tzinfo) -> int:
    """The odd seconds of a zone's time in 1899, by which such a cell is short; 0 for none."""
    offset = datetime(1899, 12, 31, tzinfo=zone).utcoffset() or timedelta()
    return offset.seconds % 60
