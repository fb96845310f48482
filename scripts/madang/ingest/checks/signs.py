"""Signs that no reader sees, and signs that tell that a text was damaged.

Invisible are all signs of format (Unicode category Cf), all others that are ignored when a text is
shown (variation selectors, Hangul fillers, tag characters), and the blank of Braille. The SQL macro
`visible` has the same list; `tests/pipeline/test_shared_vectors.py` holds the two to each other.
"""

import re

INVISIBLE = (
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{INVISIBLE}]+")
# In names and free text such signs shape letters and emoji (joiners, variation selectors), so they
# stay inside; these and blanks mean nothing at the ends.
AT_THE_ENDS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    "\u00ad\u115f\u1160\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
    "\u2066\u2067\u2068\u2069\u2800\u3164\ufeff\uffa0"
)
# Category Cc but for tabs and line breaks, and halves of characters.
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
LOST = "\ufffd"  # what stands for a sign that could not be decoded


def visible(text: str) -> str:
    """Return a text without its invisible signs."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def is_damaged(text: str) -> bool:
    """Whether a text holds a control character, or a mark where a sign was lost."""
    return has_control(text) or LOST in text


def has_control(text: str) -> bool:
    """Whether a text holds a control character other than a tab or a line break."""
    return not text.isprintable() and CONTROL.search(text) is not None
