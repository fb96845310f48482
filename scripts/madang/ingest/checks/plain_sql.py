"""Tells in DuckDB's SQL which values surely pass the check of their type, and what they land as.

Each pattern covers only values that the checks of `values.py` let through; all others go to those
checks. A test holds both sides to each other.
"""

from datetime import UTC, datetime, timedelta, tzinfo

DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
LETTER = "A-Za-z가-힣"
# Composed syllables and ASCII are one spelling; a blank stands inside alone.
TEXT = rf"[{LETTER}0-9](?:[{LETTER}0-9 .,_()/&+:;!?-]*[{LETTER}0-9.)!?])?"
# What may be a national id number: all that `national_ids.py` finds in plain texts, and more.
NATIONAL_ID = r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[^0-9A-Za-z,]{0,5}[1-8][0-9]{6}"
PATTERNS = {
    "id": "[A-Za-z][A-Za-z0-9_.:/-]{0,99}|[0-9]{1,50}",
    "text": TEXT,
    "name": TEXT,
    "email": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
    "phone": "010-?[0-9]{4}-?[0-9]{4}",
    "date": DAY,
    "timestamp": rf"{DAY}[ T]{CLOCK}",
    "amount": "0|[1-9][0-9]{0,14}",
    "integer": "0|[1-9][0-9]{0,14}",
}
FIRST_YEAR, LAST_YEAR = 1990, 2100


def is_plain(kind: str, value: str, zone: tzinfo) -> str:
    """Return an expression: whether a value (a column, not null) surely passes; 'false' if never.

    Moments without an offset are plain only in a zone that keeps one offset.
    """
    pattern = PATTERNS.get(kind)
    if pattern is None or (kind == "timestamp" and fixed_offset(zone) is None):
        return "false"
    matches = f"regexp_full_match({value}, '{pattern}')"
    if kind in ("id", "text", "name"):
        matches = f"{matches} and not {may_hold_national_id(value)}"
    if kind == "name":
        matches = f"{matches} and regexp_matches({value}, '[{LETTER}]')"
    if kind in ("date", "timestamp"):
        moment = f"try_cast({value} as timestamp)"
        years = f"year({moment}) between {FIRST_YEAR} and {LAST_YEAR}"
        matches = f"{matches} and coalesce({years}, false)"
    return f"({matches})"


def may_hold_national_id(value: str) -> str:
    """Return an expression: whether a national id number may stand in a value (not null).

    Most values are told by their length alone; a `case` spares them the pattern.
    """
    pattern = f"regexp_matches({value}, '(?:^|[^0-9]){NATIONAL_ID}(?:[^0-9]|$)')"
    return f"(case when length({value}) >= 13 then {pattern} else false end)"


def may_be_national_id(value: str) -> str:
    """Return an expression: whether a value (not null) may be such a number and nothing else."""
    pattern = f"regexp_full_match({value}, '{NATIONAL_ID}')"
    return f"(case when length({value}) between 13 and 18 then {pattern} else false end)"


def landed(kind: str, value: str, zone: tzinfo) -> str:
    """Return what a plain value lands as."""
    if kind == "timestamp" and (offset := fixed_offset(zone)):
        return f"left({value}, 10) || 'T' || substr({value}, 12, 8) || '{offset}'"
    return value


def fixed_offset(zone: tzinfo) -> str | None:
    """Return the offset of a zone (`+09:00`) that has had one alone since 1990, else None."""
    moments = (
        datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) + timedelta(days=20 * at)
        for at in range((LAST_YEAR - FIRST_YEAR + 1) * 365 // 20)
    )
    offsets = {moment.astimezone(zone).utcoffset() for moment in moments}
    if len(offsets) != 1:
        return None
    return datetime(2026, 1, 1, tzinfo=zone).isoformat()[19:]
