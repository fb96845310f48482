"""Phone numbers and e-mail addresses in the one spelling that joins people.

The SQL macros of the identity layer follow the same rules; `tests/vectors/phones.csv` and
`tests/vectors/emails.csv` hold both sides to them. Rules for Korean numbers: national numbering
plan (a trunk 0, then 10 for mobiles, 2 for Seoul, 3x to 6x for provinces, 70 for VoIP, 50x for
safety numbers, 80 for toll-free); E.164 for all others.
"""

import re
import unicodedata

# Spaces, hyphens, dots, brackets, Excel's leading apostrophe, and the invisible marks of writing
# direction that address books put around numbers.
SEPARATORS = re.compile(
    r"[\s\-\u2010\u2012-\u2015\u2212().'\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+"
)
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
EMAIL = re.compile(r"[^\s@,;:<>()\"]+@[^\s@,;:<>()\".]+(?:\.[^\s@,;:<>()\".]+)+")
SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def normalize_phone(text: str) -> str | None:
    """Return the number in E.164 (`+821000000000`), or None when it is not one whole number.

    A ten-digit number that starts with 10 is a mobile whose zero Excel dropped.
    """
    digits = SEPARATORS.sub("", text if text.isascii() else unicodedata.normalize("NFKC", text))
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


def normalize_email(text: str) -> str | None:
    """Return the address trimmed and in lower case, or None when it is not one address.

    Dots and `+tags` stay: two addresses that a provider delivers to one box are kept apart here.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    address = text.strip().lower()
    return address if EMAIL.fullmatch(address) else None


def is_sha256(text: str) -> bool:
    """Say whether a value is already hashed: 64 hexadecimal digits."""
    return SHA256.fullmatch(text) is not None
