"""Phone numbers and e-mail addresses in the one spelling that joins people.

The SQL macros of the identity layer follow the same rules; `tests/vectors/phones.csv` and
`tests/vectors/emails.csv` hold both sides to them. Rules for Korean numbers: national numbering
plan (a trunk 0, then 10 for mobiles, 2 for Seoul, 3x to 6x for provinces, 70 for VoIP, 50x for
safety numbers, 80 for toll-free); E.164 for all others.
"""

import re
import unicodedata

from madang.ingest.checks.signs import visible

CURLY = "\u2018-\u201f\u2039\u203a\u00ab\u00bb\u300c-\u300f\u3008-\u300b"
QUOTES = f"\"'`{CURLY}"
# Spaces, hyphens, dots, brackets, quotes, and Excel's leading apostrophe.
SEPARATOR = rf"[\s\-\u2010-\u2015\u2212().{QUOTES}]"
SEPARATORS = re.compile(f"{SEPARATOR}+")
SCHEME = re.compile(r"\s*tel:", re.IGNORECASE)
# A zero in brackets behind a country's code is dialled inside that country alone. Italy's (and its
# neighbours') belongs to the number.
ABROAD = rf"{SEPARATOR}*(?:\+|0{SEPARATOR}*0){SEPARATOR}*"
ITALY = rf"3{SEPARATOR}*(?:9|7{SEPARATOR}*[89]){SEPARATOR}*"
ZERO = r"\(\s*0\s*\)"
KEPT_ZERO = re.compile(rf"^({ABROAD}{ITALY}){ZERO}")
TRUNK_ZERO = re.compile(rf"^({ABROAD}[1-9](?:{SEPARATOR}*\d){{0,2}}{SEPARATOR}*){ZERO}")
# A Korean number without its trunk zero.
NATIONAL = (
    r"10\d{8}|1[16789]\d{7,8}|2\d{7,8}|(?:3[1-3]|4[1-4]|5[1-5]|6[1-4])\d{7,8}"
    r"|70\d{8}|50[2-8]\d{7,8}|80\d{7,8}"
)
DOMESTIC = re.compile(rf"0({NATIONAL})")
LOST_ZERO = re.compile(r"10\d{8}")
# +82, 82, 0082, a carrier's prefix (001, 002, 005, 006, 008, 003xx, 007xx) and 82; a 0 may follow.
KOREA = re.compile(rf"(?:\+|00(?:[12568]|[37]\d\d)?)?82(?:0)?({NATIONAL})")
FOREIGN = re.compile(r"\+([1-79]\d{7,14}|8[0-13-9]\d{6,13})")
# 001 and 002 are Korean carriers, so what follows them is not surely a country.
FOREIGN_BY_00 = re.compile(r"00([3-79]\d{7,14}|8[0-13-9]\d{6,13})")
NEVER = rf"\s\x00-\x1f\x7f-\x9f\ufffd@,;:<>()\[\]\"{CURLY}"
LABEL = rf"[^{NEVER}'`.?/]+"  # of a domain; a name may hold an apostrophe (o'brien)
ADDRESS = rf"[^{NEVER}]+@{LABEL}(?:\.{LABEL})+"
# As address books and mail programs write it: in quotes or brackets, behind a name or `mailto:`.
AROUND = rf"[\s<>()\[\]{QUOTES}]*"
WRITTEN = re.compile(
    rf"(?:[^<>@]*<)?{AROUND}(?:mailto:)?{AROUND}({ADDRESS})(?:\?[^\s@<>]*)?[\s<>()\[\],;{QUOTES}]*",
    re.IGNORECASE,
)
SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def normalize_phone(text: str) -> str | None:
    """Return the number in E.164 (`+821000000000`), or None when it is not one whole number.

    A ten-digit number that starts with 10 is a mobile whose zero Excel dropped.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", visible(text))
    if ":" in text:
        text = SCHEME.sub("", text, count=1)
    if "(" in text:
        text = TRUNK_ZERO.sub(r"\1", KEPT_ZERO.sub(r"\g<1>0", text))
    digits = SEPARATORS.sub("", text)
    if not digits.isascii():
        return None
    for pattern in (DOMESTIC, KOREA):
        if found := pattern.fullmatch(digits):
            return f"+82{found[1]}"
    if LOST_ZERO.fullmatch(digits):
        return f"+82{digits}"
    for pattern in (FOREIGN, FOREIGN_BY_00):
        if found := pattern.fullmatch(digits):
            return f"+{found[1]}"
    return None


def address_in(text: str) -> str | None:
    """Return the one address in a text, without quotes, brackets, a name or `mailto:` around it."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", visible(text))
    found = WRITTEN.fullmatch(text)
    return found[1] if found else None


def normalize_email(text: str) -> str | None:
    """Return the address in lower case, or None when the text is not one address.

    Dots and `+tags` stay: two addresses that a provider delivers to one box are kept apart here.
    """
    address = address_in(text)
    return address.lower() if address else None


def is_sha256(text: str) -> bool:
    """Say whether a value is already hashed: 64 hexadecimal digits."""
    return SHA256.fullmatch(text) is not None
