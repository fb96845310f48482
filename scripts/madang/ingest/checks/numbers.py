"""Numbers as people write them: signs, separators, currency names, 3백만 and 1억 2천만."""

import re
import unicodedata
from decimal import Decimal

from madang.ingest.checks.signs import visible
from madang.ingest.readers.cells import Cell, as_text

MINUS = frozenset("-−‐‑‒–—△▲")
# Thousands by dots and cents by a comma: with both, there is one way to read it.
COMMA_DECIMALS = re.compile(r"\d{1,3}(?:\.\d{3})+,\d{1,2}")
NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+")
WORDED = re.compile(r"(\d[\d,]*(?:\.\d+)?)?([십백천만억조]?)")
SMALL_UNITS = {"십": 10, "백": 100, "천": 1000}
LARGE_UNITS = {"만": 10**4, "억": 10**8, "조": 10**12}


def read_number(cell: Cell, decoration: str) -> Decimal | None:
    """Read a number with a sign, separators, Korean units and a unit's name around it."""
    if isinstance(cell, bool) or not isinstance(cell, int | float | str):
        return None
    text = "".join(unicodedata.normalize("NFKC", visible(as_text(cell))).split())
    if isinstance(cell, float) and "e" in text:
        return Decimal(text) if Decimal(text).is_finite() else None
    negative = False
    if text.startswith("(") and text.endswith(")"):
        text, negative = text[1:-1], True
    # The sign may stand before or after the currency, or at the end (SAP writes 1,234-).
    for _ in range(2):
        text = re.sub(rf"^(?:{decoration})|(?:{decoration})$", "", text, flags=re.I)
        if text[:1] == "+" or text[:1] in MINUS:
            if negative:
                return None
            text, negative = text[1:], text[0] in MINUS
        if text[-1:] in MINUS:
            if negative:
                return None
            text, negative = text[:-1], True
    if "." in text and COMMA_DECIMALS.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    number = Decimal(text.replace(",", "")) if NUMBER.fullmatch(text) else _worded(text)
    return None if number is None else -number if negative else number


def _worded(text: str) -> Decimal | None:
    """Read a number with Korean units: 3백만, 1억2천만, 1.5억."""
    if not text or not any(unit in text for unit in (*SMALL_UNITS, *LARGE_UNITS)):
        return None
    total = section = Decimal(0)
    number: Decimal | None = None
    last_small, last_large, at = 10**4, 10**16, 0
    while at < len(text):
        found = WORDED.match(text, at)
        if not found or not found[0] or (found[1] and number is not None):
            return None
        at = found.end()
        if found[1]:
            if not NUMBER.fullmatch(found[1]):
                return None
            number = Decimal(found[1].replace(",", ""))
        unit = found[2]
        if unit in SMALL_UNITS:
            if SMALL_UNITS[unit] >= last_small:
                return None
            last_small = SMALL_UNITS[unit]
            section += (1 if number is None else number) * last_small
            number = None
        elif unit in LARGE_UNITS:
            if LARGE_UNITS[unit] >= last_large:
                return None
            last_large, last_small = LARGE_UNITS[unit], 10**4
            section += number or 0
            total += (section or 1) * last_large
            section, number = Decimal(0), None
    return total + section + (number or 0)


def plain(number: Decimal) -> str:
    """Write a number without exponent and without trailing zeros after the point."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
