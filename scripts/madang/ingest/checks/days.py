"""The day in a text as people write it: year first, or month by name; other orders where sure."""

import re
from collections.abc import Iterable
from datetime import date

from madang.ingest.checks import problems
from madang.ingest.checks.problems import CellProblem

FIRST_YEAR, LAST_YEAR = 1900, 2100
CENTURY_TURNS = 50  # two digits: 00 to 49 are of this century, 50 to 99 of the last
MONTHS = {
    name: number
    for number, (short, long) in enumerate(
        (
            ("jan", "january"), ("feb", "february"), ("mar", "march"), ("apr", "april"),
            ("may", "may"), ("jun", "june"), ("jul", "july"), ("aug", "august"),
            ("sep", "september"), ("oct", "october"), ("nov", "november"), ("dec", "december"),
        ),
        start=1,
    )
    for name in (short, long)
} | {"sept": 9}  # fmt: skip
MONTH = rf"({'|'.join(sorted(MONTHS, key=len, reverse=True))})\.?"
NTH = r"(\d{1,2})(?:st|nd|rd|th)?"
GAP = r"[-\s/.,]*"
ENGLISH_DAY = r"(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\.?"
WEEKDAY = re.compile(
    rf"^{ENGLISH_DAY},?\s+|,?\s*\({ENGLISH_DAY}\)$|,?\s+{ENGLISH_DAY}$"
    r"|\s*\([월화수목금토일](?:요일)?\)$|\s*[월화수목금토일]요일$|\s+[월화수목금토일]$"
)
YEAR_FIRST = re.compile(r"(\d{4})\s*[-./년年]\s*(\d{1,2})\s*[-./월月]\s*(\d{1,2})\s*[.일日]?")
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
SHORT_YEAR = re.compile(r"(?:'\s*(\d{2})\s*[-./년年]|(\d{2})\s*[년年])\s*(\d{1,2})\s*[-./월月]\s*"
                        r"(\d{1,2})\s*[.일日]?")  # fmt: skip
THREE = re.compile(r"(\d{1,2})\s*([-./])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{1,2})\.?")
NAMED = (
    (re.compile(rf"{NTH}{GAP}{MONTH}{GAP}(\d{{4}}|\d{{2}})"), (2, 1, 0)),
    (re.compile(rf"{MONTH}{GAP}{NTH}{GAP}(\d{{4}})"), (2, 0, 1)),
    (re.compile(rf"(\d{{4}}){GAP}{MONTH}{GAP}{NTH}"), (0, 1, 2)),
)
NO_YEAR = re.compile(
    rf"\d{{1,2}}\s*[-./월月]\s*\d{{1,2}}\s*[.일日]?|{MONTH}{GAP}{NTH}|{NTH}{GAP}{MONTH}"
)
# The beginnings of three numbers whose order is not plain: what a column is looked through for.
UNPLAIN = re.compile(r"\s*(\d{1,2})\s*([-./])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{1,2})(?!\d)")


class DayOrder:
    """In which order the values of one column write three numbers, as those show that are sure.

    `day`, `month`: a year of four digits stands last, after the day or after the month. `year`: one
    of two digits stands first. `last`: one of two digits stands last; `either`: it may stand at
    either end. What was read by an order must not be contradicted by a later value.
    """

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self._relied_on: set[str] = set()

    def see(self, texts: Iterable[str]) -> bool:
        """Look through some values; return whether anything new was learnt from them."""
        before = len(self._shown)
        for text in texts:
            if found := UNPLAIN.match(text):
                self._shown.add(_shows(found[1], found[3], found[4]))
        self._shown.discard("")
        return len(self._shown) > before

    @property
    def is_contradicted(self) -> bool:
        """Whether values were read in an order that later ones do not keep."""
        return any(not self._is_sure(order) for order in self._relied_on)

    def stands_first(self, part: str) -> bool:
        """Whether the values show that this part (`day`, `month`, `year`) is written first."""
        if not self._is_sure(part):
            return False
        self._relied_on.add(part)
        return True

    def _is_sure(self, part: str) -> bool:
        shown = self._shown
        if part == "year":
            return not shown & {"last", "day", "month"} and ("year" in shown or not shown)
        return part in shown and not shown & {"day", "month"} - {part}


def _shows(first: str, second: str, third: str) -> str:
    """What three numbers show about the order of their column, '' for nothing."""
    a, b, c = int(first), int(second), int(third)
    if len(third) == 4:
        return "day" if a > 12 >= b else "month" if b > 12 >= a else ""
    if len(first) == 1 or (len(third) == 2 and c > 31):
        return "last"
    if len(third) == 1 or a > 31:
        return "year"
    return "either" if a <= 12 else ""


def read_day(text: str, order: DayOrder) -> date | CellProblem | None:
    """Return the day of a text without a clock (lower case, plain hyphens), its problem, or None
    when it is nothing like a day.
    """
    text = WEEKDAY.sub("", text.strip())
    for pattern in (YEAR_FIRST, COMPACT):
        if found := pattern.fullmatch(text):
            return day_of(*found.groups())
    if found := SHORT_YEAR.fullmatch(text):
        return day_of(found[1] or found[2], found[3], found[4])
    if found := THREE.fullmatch(text):
        order.see([text])
        return _of_three(found[1], found[3], found[4], order)
    for pattern, (year, month, day) in NAMED:
        if found := pattern.fullmatch(text):
            parts = found.groups()
            return day_of(parts[year], str(MONTHS[parts[month]]), parts[day])
    return problems.YEAR_MISSING if NO_YEAR.fullmatch(text) else None


def _of_three(first: str, second: str, third: str, order: DayOrder) -> date | CellProblem:
    """Three numbers of which the first is no year of four digits."""
    shows = _shows(first, second, third)
    if len(third) == 4:
        if shows == "day" or first == second:
            return day_of(third, second, first)
        if shows == "month":
            return day_of(third, first, second)
        if int(first) > 12:  # and the second: there is no such month
            return problems.DATE
        if order.stands_first("day"):
            return day_of(third, second, first)
        return day_of(third, first, second) if order.stands_first("month") else problems.DAY_ORDER
    if shows == "year" or (shows != "last" and order.stands_first("year")):
        return day_of(first, second, third)
    return problems.DAY_ORDER


def day_of(year: str, month: str, day: str) -> date | CellProblem:
    """The day of its numbers, or why there is none."""
    number = int(year)
    if len(year) == 2:
        number += 2000 if number < CENTURY_TURNS else 1900
    try:
        found = date(number, int(month), int(day))
    except ValueError:
        return problems.DATE
    return found if FIRST_YEAR <= number <= LAST_YEAR else problems.DATE_RANGE
