"""Whether a text that people write for the record holds what is personal."""

import re

# Broad on purpose: whoever writes the text can write it without. Only days and clocks are let pass.
_MOMENT = re.compile(r"(?<!\d)(?:19|20)\d\d[-.](?:0?[1-9]|1[0-2])[-.](?:[0-2]?\d|3[01])(?!\d)")
_PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}|\+?\d[\d .()-]{7,}\d", re.IGNORECASE)


def looks_personal(text: str) -> bool:
    """Say whether a text seems to hold an e-mail address, a telephone or another long number."""
    return _PERSONAL.search(_MOMENT.sub("(day)", text)) is not None
