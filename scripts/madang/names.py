"""Names and texts from outside, made safe to show: on a screen, in a log, in Excel, in a folder.

A file, a sheet or a header may be called anything: an escape sequence that paints over the screen,
a line break that forges a line of a log, a formula that Excel would compute.
"""

import re

# Control characters, ends of lines, marks that turn the direction of a text, half characters
# (what Python makes of a file name that is not UTF-8).
_BREAKS = "\u2028\u2029"
_UNSEEN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
UNSEEN = re.compile(f"[{_UNSEEN}]")
UNSEEN_OR_BREAK = re.compile(f"[{_UNSEEN}\t\n{_BREAKS}]")
# What a spreadsheet takes for a formula, also after spaces, also in full width (OWASP, CSV
# Injection).
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
NO_FILE_NAME = re.compile(f'[{_UNSEEN}\t\n{_BREAKS}<>:"/\\\\|?*]')
LONGEST_NAME = 200  # bytes of a file's name that is made here; file systems take 255, some less


def shown(name: str) -> str:
    """A name as one line that can be seen: what is not seen is written out (\\x1b, \\n)."""
    return name if name.isprintable() else UNSEEN_OR_BREAK.sub(_written_out, name)


def without_unseen(text: str) -> str:
    """A text without signs that act on a terminal or on the direction of a text."""
    return text if text.isprintable() else UNSEEN.sub("", text)


def seen_lines(text: str) -> str:
    """A text of several lines, without what would act on a terminal."""
    return text if text.isprintable() else UNSEEN.sub(_written_out, text)


def defused(text: str) -> str:
    """A cell of a CSV that Excel does not compute: an apostrophe stands before a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def file_stem(name: str, tail: str) -> str:
    """The stem of a file's name with `tail`, as a name that every file system takes.

    '고객_2026__tail' of 'crm/고객_2026.xlsx'. A long one is cut, so that with an ending it fits.
    """
    stem = NO_FILE_NAME.sub("_", name.rpartition("/")[2].partition(".")[0])
    most = LONGEST_NAME - len(f"{tail}_999.csv".encode())
    return stem.encode("utf-8", "replace")[:most].decode("utf-8", "ignore") + tail


def _written_out(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:  # a byte of a name that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode()
