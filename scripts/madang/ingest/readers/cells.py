"""One cell as text: what Excel stored natively becomes canonical, text stays as it was typed."""

import unicodedata
from datetime import date, datetime, time, timedelta

from madang.ingest.checks.signs import AT_THE_ENDS

Cell = str | int | float | bool | date | datetime | time | timedelta | None

EXCEL_EPOCH = datetime(1899, 12, 30)
# Serial numbers of 1927 to 2119: any other number in a date column is not an Excel date.
FIRST_SERIAL, LAST_SERIAL = 10_000, 80_000
# What a workbook of the 1904 system (old Excel for Mac) counts less.
DAYS_TO_1904 = 1462


def cleaned(cell: Cell) -> Cell:
    """Trim text, compose it (NFC), unify its line breaks; return None for an empty cell."""
    if isinstance(cell, str):
        text = cell.strip()
        if not text.isascii():
            text = unicodedata.normalize("NFC", text.strip(AT_THE_ENDS))
        if "\x00" in text:  # as a database pads a column of fixed width
            text = text.strip("\x00").strip()
        if "\r" in text:  # one kind of line break, as Excel's own
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text or None
    return cell


def as_text(cell: Cell) -> str:
    """Write a cell canonically: ISO dates, integers without '.0', true and false."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return iso(cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


def iso(moment: datetime) -> str:
    """Write a moment with seconds, and with milliseconds where it has them.

    Excel stores moments as fractions of a day; rounding takes away what that adds.
    """
    if moment.tzinfo is None:
        moment = rounded(moment)
    spec = "auto" if moment.microsecond % 1000 else "milliseconds"
    return moment.isoformat(timespec=spec if moment.microsecond else "seconds")


def rounded(moment: datetime) -> datetime:
    """Round to the millisecond."""
    milliseconds = round(moment.microsecond / 1000)
    return moment.replace(microsecond=0) + timedelta(milliseconds=milliseconds)


def from_serial(serial: float) -> datetime | None:
    """Return the moment of an Excel serial number (1900 system), or None when it is not one."""
    if not FIRST_SERIAL <= serial < LAST_SERIAL:
        return None
    return rounded(EXCEL_EPOCH + timedelta(days=serial))
