"""One pure check per column type: a cell in, the text to land or a problem out.

Free text (id, text, name, phone, email) lands as it was typed, trimmed. What has one meaning and
many spellings (date, timestamp, amount, integer, boolean, choice) lands in one spelling, so that no
second parser in SQL can read it differently.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from madang.ingest.checks import problems
from madang.ingest.checks.contacts import address_in, is_sha256, normalize_phone
from madang.ingest.checks.days import FIRST_YEAR, LAST_YEAR, DayOrder
from madang.ingest.checks.moments import is_short_of_midnight, lost_seconds, read_moment
from madang.ingest.checks.national_ids import SHORTEST, holds_national_id
from madang.ingest.checks.numbers import plain, read_number
from madang.ingest.checks.problems import CellProblem
from madang.ingest.checks.signs import has_control, is_damaged, visible
from madang.ingest.readers.cells import Cell, as_text, iso

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
# What most values look like: such ones need no further test. A longer one may hold a national id.
PLAIN_ID = re.compile(
    rf"[A-Za-z][A-Za-z0-9_]{{0,99}}|[A-Za-z][A-Za-z0-9_.:/-]{{0,{SHORTEST}}}"
    rf"|[0-9]{{1,{SHORTEST - 1}}}|[0-9]{{{SHORTEST + 1},50}}"
    r"|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"  # a UUID
)
PLAIN_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
PLAIN_MOBILE = re.compile(r"010-?[0-9]{4}-?[0-9]{4}")
#: By type: such a text lands as it is, whatever else is looked for in texts.
PLAIN = {"id": PLAIN_ID, "email": PLAIN_EMAIL, "phone": PLAIN_MOBILE}
EXACT_FLOAT = 10**15  # Excel keeps 15 digits
TOO_LARGE = 10**15  # numbers are below, here and in what partners send


def checker(
    kind: str,
    zone: tzinfo = UTC,
    choices: Mapping[str, str] | None = None,
    order: DayOrder | None = None,
) -> Check:
    """Return the check of a type. `choices` maps every folded spelling to its value.

    `zone` is the time zone of moments that are written without one, and of days; `order` is what is
    known about the order of days and months in the column.
    """
    if kind == "date":
        return lambda cell: check_date(cell, zone, order)
    if kind == "timestamp":
        lost = lost_seconds(zone)
        return lambda cell: check_timestamp(cell, zone, order, lost)
    if kind == "choice":
        spelt = choices or {}
        unknown = problems.unknown_choice(sorted(set(spelt.values())), spelt)
        return lambda cell: spelt.get(fold(as_text(cell)), unknown)
    return CHECKS[kind]


def is_nothing(cell: Cell) -> bool:
    """Say whether a cell of a typed column is a written-out blank, such as '-' or '없음'."""
    return isinstance(cell, str) and len(cell) <= 9 and cell.lower() in NOTHING


def fold(text: str) -> str:
    """Return text for comparing spellings: NFKC, lower case, no spaces, no invisible signs."""
    return "".join(unicodedata.normalize("NFKC", visible(text)).casefold().split())


def check_id(cell: Cell) -> Checked:
    """An identifier: one word. A number that Excel rounded or a date it made is a problem."""
    if cell.__class__ is str and PLAIN_ID.fullmatch(cell):
        return cell
    if isinstance(cell, date | time | timedelta):
        return problems.ID_IS_DATE
    if _digits_lost(cell):
        return problems.DIGITS_LOST
    text = visible(as_text(cell))
    if is_damaged(text):
        return problems.DAMAGED
    if len(text) > 200 or text.split() != [text]:
        return problems.NATIONAL_ID if holds_national_id(text) else problems.ID
    return problems.NATIONAL_ID if holds_national_id(text, is_id=True) else text


def check_text(cell: Cell) -> Checked:
    """Any text without a national id number."""
    text = as_text(cell)
    if has_control(text):
        return problems.DAMAGED
    return problems.NATIONAL_ID if holds_national_id(text) else text


def check_name(cell: Cell) -> Checked:
    """A name holds a letter of any script."""
    text = as_text(cell)
    if is_damaged(text):
        return problems.DAMAGED
    if holds_national_id(text):
        return problems.NATIONAL_ID
    return text if any(char.isalpha() for char in visible(text)) else problems.NAME


def check_email(cell: Cell) -> Checked:
    """One e-mail address, or its SHA-256. Lands without what stands around it."""
    if cell.__class__ is str and PLAIN_EMAIL.fullmatch(cell):
        return cell
    text = visible(as_text(cell))
    if is_damaged(text):
        return problems.DAMAGED
    if is_sha256(text):
        return text
    return address_in(text) or problems.EMAIL


def check_phone(cell: Cell) -> Checked:
    """One phone number, or its SHA-256. Numbers that Excel shortened are told apart."""
    if cell.__class__ is str and PLAIN_MOBILE.fullmatch(cell):
        return cell
    if _digits_lost(cell):
        return problems.DIGITS_LOST
    text = visible(as_text(cell))
    if is_damaged(text):
        return problems.DAMAGED
    if text.endswith(".0") and text[:-2].isdigit():  # a float that went through a CSV
        text = text[:-2]
    return text if normalize_phone(text) or is_sha256(text) else problems.PHONE


def check_date(cell: Cell, zone: tzinfo = UTC, order: DayOrder | None = None) -> Checked:
    """A day. A moment is put into `zone` before it loses its time. Lands as 2026-10-06."""
    moment = read_moment(cell, order)
    if not isinstance(moment, datetime):
        return moment or problems.DATE
    if moment.tzinfo:
        moment = moment.astimezone(zone)
    elif not isinstance(cell, str) and is_short_of_midnight(moment):
        moment += timedelta(minutes=1)
    return moment.date().isoformat()


def check_timestamp(
    cell: Cell, zone: tzinfo, order: DayOrder | None = None, lost: int = 0
) -> Checked:
    """A moment; without an offset it is in `zone`. Lands as 2026-10-06T14:30:00+09:00.

    A cell that lies `lost` seconds before midnight is a day that was written so (see moments).
    """
    if (
        cell.__class__ is datetime
        and cell.tzinfo is None
        and not cell.microsecond
        and cell.second != 60 - lost
        and FIRST_YEAR <= cell.year <= LAST_YEAR
    ):
        return cell.replace(tzinfo=zone).isoformat(timespec="seconds")
    moment = read_moment(cell, order)
    if not isinstance(moment, datetime):
        return problems.TIMESTAMP if moment in (None, problems.DATE) else moment
    is_short = lost and moment.second == 60 - lost and is_short_of_midnight(moment)
    if is_short and not isinstance(cell, str):
        moment = (moment + timedelta(minutes=1)).replace(second=0, microsecond=0)
    return iso(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def check_amount(cell: Cell) -> Checked:
    """An amount of money: '12,000,000원', '₩5,000', '(1,000)', '3백만'. Lands as plain digits."""
    if (digits := _plain_digits(cell)) is not None:
        return digits
    number = read_number(cell, r"[₩\\]|원|krw|won")
    if number is None:
        return problems.AMOUNT
    return plain(number) if abs(number) < TOO_LARGE else problems.TOO_LARGE


def check_integer(cell: Cell) -> Checked:
    """A whole number, with or without thousands separators."""
    if (digits := _plain_digits(cell)) is not None:
        return digits
    number = read_number(cell, "[개회명건]")
    if number is None or number != number.to_integral_value():
        return problems.INTEGER
    return plain(number) if abs(number) < TOO_LARGE else problems.TOO_LARGE


def check_boolean(cell: Cell) -> Checked:
    """Yes or no in Korean or English. Lands as true or false."""
    text = fold(as_text(cell))
    if text in YES:
        return "true"
    return "false" if text in NO else problems.BOOLEAN


CHECKS: dict[str, Check] = {
    "id": check_id,
    "text": check_text,
    "name": check_name,
    "email": check_email,
    "phone": check_phone,
    "amount": check_amount,
    "integer": check_integer,
    "boolean": check_boolean,
}
TYPES = (*CHECKS, "date", "timestamp", "choice")


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
    return isinstance(cell, float) and abs(cell) >= EXACT_FLOAT
