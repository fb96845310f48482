"""One pure check per column type: a cell in, the text to land or a problem out.

Free text (id, text, name, phone, email) lands as it was typed, trimmed. What has one meaning and
many spellings (date, timestamp, amount, integer, boolean, choice) lands in one spelling, so that no
second parser in SQL can read it differently.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from madang.ingest import problems
from madang.ingest.cells import Cell, as_text, iso
from madang.ingest.contacts import is_sha256, normalize_email, normalize_phone
from madang.ingest.moments import read_moment
from madang.ingest.numbers import plain, read_number
from madang.ingest.problems import CellProblem

Checked = str | CellProblem
Check = Callable[[Cell], Checked]

# How people write "nothing" in columns that hold no free text.
NOTHING = {"-", "--", "n/a", "#n/a", "na", "null", "none", "nan", "(not set)"}
NOTHING |= {"없음", "미기재", "해당없음"}
YES = frozenset(["y", "yes", "true", "t", "1", "o", "○", "예", "네", "동의", "수신", "수신동의"])
NO = frozenset(
    ["n", "no", "false", "f", "0", "x", "×", "아니오", "아니요", "미동의", "거부", "수신거부"]
)
SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+?\d+")
# What most values look like: such ones need no further test.
PLAIN_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")
PLAIN_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
PLAIN_MOBILE = re.compile(r"010-?[0-9]{4}-?[0-9]{4}")
#: By type: such a text lands as it is, whatever else is looked for in texts.
PLAIN = {"id": PLAIN_ID, "email": PLAIN_EMAIL, "phone": PLAIN_MOBILE}
NATIONAL_ID = re.compile(r"\d{6}-[1-8]\d{6}")
EXACT_FLOAT = 10**15  # Excel keeps 15 digits


def checker(kind: str, zone: tzinfo = UTC, choices: Mapping[str, str] | None = None) -> Check:
    """Return the check of a type. `choices` maps every folded spelling to its value.

    `zone` is the time zone of moments that are written without one.
    """
    if kind == "timestamp":
        return lambda cell: check_timestamp(cell, zone)
    if kind == "choice":
        return lambda cell: check_choice(cell, choices or {})
    return CHECKS[kind]


def is_nothing(cell: Cell) -> bool:
    """Say whether a cell of a typed column is a written-out blank, such as '-' or '없음'."""
    return isinstance(cell, str) and len(cell) <= 9 and cell.lower() in NOTHING


def fold(text: str) -> str:
    """Return text for comparing spellings: NFKC, lower case, no spaces."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def check_id(cell: Cell) -> Checked:
    """An identifier: one word. A number that Excel rounded or a date it made is a problem."""
    if cell.__class__ is str and PLAIN_ID.fullmatch(cell):
        return cell
    if isinstance(cell, date | time | timedelta):
        return problems.ID_IS_DATE
    if _digits_lost(cell):
        return problems.DIGITS_LOST
    text = as_text(cell)
    if len(text) > 200 or text.split() != [text]:
        return problems.ID
    return problems.NATIONAL_ID if NATIONAL_ID.fullmatch(text) else text


def check_text(cell: Cell) -> Checked:
    """Any text but a national id number."""
    text = as_text(cell)
    return problems.NATIONAL_ID if NATIONAL_ID.fullmatch(text) else text


def check_name(cell: Cell) -> Checked:
    """A name holds a letter of any script."""
    text = as_text(cell)
    if NATIONAL_ID.fullmatch(text):
        return problems.NATIONAL_ID
    return text if any(char.isalpha() for char in text) else problems.NAME


def check_email(cell: Cell) -> Checked:
    """One e-mail address, or its SHA-256."""
    if cell.__class__ is str and PLAIN_EMAIL.fullmatch(cell):
        return cell
    text = as_text(cell)
    return text if normalize_email(text) or is_sha256(text) else problems.EMAIL


def check_phone(cell: Cell) -> Checked:
    """One phone number, or its SHA-256. Numbers that Excel shortened are told apart."""
    if cell.__class__ is str and PLAIN_MOBILE.fullmatch(cell):
        return cell
    if _digits_lost(cell):
        return problems.DIGITS_LOST
    text = as_text(cell)
    if text.endswith(".0") and text[:-2].isdigit():  # a float that went through a CSV
        text = text[:-2]
    return text if normalize_phone(text) or is_sha256(text) else problems.PHONE


def check_date(cell: Cell) -> Checked:
    """A date, year first; a moment loses its time. Lands as 2026-10-06."""
    moment = read_moment(cell)
    return moment.date().isoformat() if moment else problems.DATE


def check_timestamp(cell: Cell, zone: tzinfo) -> Checked:
    """A moment; without an offset it is in `zone`. Lands as 2026-10-06T14:30:00+09:00."""
    if cell.__class__ is datetime and not cell.microsecond and cell.tzinfo is None:
        return cell.replace(tzinfo=zone).isoformat(timespec="seconds")
    moment = read_moment(cell)
    if moment is None:
        return problems.TIMESTAMP
    return iso(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def check_amount(cell: Cell) -> Checked:
    """An amount of money: '12,000,000원', '₩5,000', '(1,000)', '3백만'. Lands as plain digits."""
    if (digits := _plain_digits(cell)) is not None:
        return digits
    number = read_number(cell, r"[₩\\]|원|krw|won")
    return problems.AMOUNT if number is None else plain(number)


def check_integer(cell: Cell) -> Checked:
    """A whole number, with or without thousands separators."""
    if (digits := _plain_digits(cell)) is not None:
        return digits
    number = read_number(cell, "[개회명건]")
    if number is None or number != number.to_integral_value():
        return problems.INTEGER
    return plain(number)


def check_boolean(cell: Cell) -> Checked:
    """Yes or no in Korean or English. Lands as true or false."""
    text = fold(as_text(cell))
    if text in YES:
        return "true"
    return "false" if text in NO else problems.BOOLEAN


def check_choice(cell: Cell, choices: Mapping[str, str]) -> Checked:
    """One value of a list, in any of its spellings. Lands as the list's own name for it."""
    found = choices.get(fold(as_text(cell)))
    return found or problems.unknown_choice(sorted(set(choices.values())))


CHECKS: dict[str, Check] = {
    "id": check_id,
    "text": check_text,
    "name": check_name,
    "email": check_email,
    "phone": check_phone,
    "date": check_date,
    "amount": check_amount,
    "integer": check_integer,
    "boolean": check_boolean,
}
TYPES = (*CHECKS, "timestamp", "choice")


def _plain_digits(cell: Cell) -> str | None:
    """A whole number that needs no parser, as plain digits."""
    if cell.__class__ is float and cell.is_integer() and abs(cell) < EXACT_FLOAT:
        return str(int(cell))
    if cell.__class__ is str and len(cell) < 16 and cell.isascii() and cell.isdigit():
        return str(int(cell))
    return None


def _digits_lost(cell: Cell) -> bool:
    if isinstance(cell, str):
        return SCIENTIFIC.fullmatch(cell) is not None
    return isinstance(cell, float | int) and abs(cell) >= EXACT_FLOAT
