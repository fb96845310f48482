"""Finds Korean national id numbers (residents' and foreigners') anywhere in a text, and masks them.

The rule: six digits that are a day (yymmdd), then seven of which the first is 1 to 8, no digit
before or after.

- With a hyphen of any kind between them, it is such a number. Its last digit is not asked: numbers
  given out since October 2020 have no check digit.
- Without one (nothing, blanks, dots, slashes between), it stands apart from Latin letters and its
  check digit is right; or it is a birth of 1936 to 1999, which no day or timestamp of our time
  begins like, and no barcode (EAN-13). Order numbers and timestamps of 13 digits pass, and so do a
  day and an amount of round hundreds.
- As the whole value of an identifier, only the check digit makes it one.
"""

import re
from collections.abc import Iterator

from madang.ingest.checks.signs import INVISIBLE, visible

# Hyphens, dashes, minus signs, and the letters that are typed for them.
DASHES = (
    "\\-\u058a\u05be\u1806\u2010-\u2015\u2043\u2053\u207b\u208b\u2212\u2500\u2501\u2e3a\u2e3b"
    "\u301c\u3030\u30fc\u3161\ufe31\ufe32\ufe58\ufe63\uff0d\uff70"
)
BETWEEN = rf"[\s._/\u00b7\u30fb~{DASHES}]{{0,5}}"
DAY = r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
NUMBER = re.compile(rf"(?<!\d)({DAY})({BETWEEN})([1-8]\d{{6}})(?!\d)")
# What is masked in any case: also with a day that does not exist, as it is written.
WITH_DASH = re.compile(rf"(?<!\d)\d{{6}}\s*[{DASHES}]\s*[1-8]\d{{6}}(?!\d)")
DASH = re.compile(rf"[{DASHES}]")
# Without such an end there is none: spares most texts all else.
END = re.compile(rf"[1-8１-８](?:[{INVISIBLE}]*\d){{6}}")
PLAIN_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")
SHORTEST = 13
WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
# Days, orders and timestamps of our time begin with smaller numbers.
FIRST_SURE_YEAR = 36
BORN_BEFORE_2000 = "1256"


def holds_national_id(text: str, is_id: bool = False) -> bool:
    """Whether a national id number stands anywhere in a text; `is_id`: an identifier's value."""
    if len(text) < SHORTEST or not END.search(text):
        return False
    return next(_spans(_shown(text), is_id), None) is not None


def is_national_id(text: str) -> bool:
    """Whether a text is a national id number and nothing else."""
    if len(text) != SHORTEST and text.isdigit():
        return False
    text = _shown(text).strip()
    return any(span == (0, len(text)) for span in _spans(text, False))


def is_national_number(number: float) -> bool:
    """Whether a number of a workbook is one; those born since 2000 lost their first zeros."""
    if not 10**11 <= number < 10**13 or number != int(number):
        return False
    digits = f"{int(number):013d}"
    return NUMBER.fullmatch(digits) is not None and _has_check_digit(digits)


def without_national_ids(text: str) -> str:
    """Return a text in which the last seven digits of what may be such a number are masked."""
    if len(text) < SHORTEST or not END.search(text):
        return text
    masked = shown = _shown(text)
    ends = {end for _, end in _spans(shown, False)}
    ends |= {found.end() for found in WITH_DASH.finditer(shown)}
    for end in ends:
        masked = f"{masked[: end - 7]}*******{masked[end:]}"
    return masked if ends else text


def _shown(text: str) -> str:
    """A text as a reader sees it, with plain digits."""
    if text.isascii():
        return text
    return visible(text.replace("\u00ad", "-")).translate(PLAIN_DIGITS)


def _spans(text: str, is_id: bool) -> Iterator[tuple[int, int]]:
    for found in NUMBER.finditer(text):
        start, end = found.span()
        if DASH.search(found[2]) or (
            not _is_word(text[start - 1 : start])
            and not _is_word(text[end : end + 1])
            and not (found[2] and found[3].endswith("00"))  # a day and an amount
            and _may_be_bare(found[1] + found[3], is_id)
        ):
            yield start, end


def _is_word(sign: str) -> bool:
    return sign == "_" or (sign.isascii() and sign.isalnum())


def _may_be_bare(digits: str, is_id: bool) -> bool:
    if _has_check_digit(digits):
        return True
    is_sure = int(digits[:2]) >= FIRST_SURE_YEAR and digits[6] in BORN_BEFORE_2000
    return is_sure and not is_id and not _is_barcode(digits)


def _has_check_digit(digits: str) -> bool:
    total = sum(int(digit) * by for digit, by in zip(digits, WEIGHTS, strict=False))
    if digits[6] in "5678":  # foreigners' numbers count two more
        return (13 - total % 11) % 10 == int(digits[12])
    return (11 - total % 11) % 10 == int(digits[12])


def _is_barcode(digits: str) -> bool:
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits[:12]))
    return (10 - total % 10) % 10 == int(digits[12])
