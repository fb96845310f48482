"""The commands that a page of the documents shows, as a reader would type them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
#: A shell block, and a command in a line of text.
SHELL = re.compile(r"^```(?:sh|cron)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(?:\.venv/bin/)?(madang [^`]+)`")
TYPED = re.compile(r"(?:^|[\s(/])madang +(-*[a-z][^|&;)\n]*)", re.MULTILINE)


def typed(page: Path) -> Iterator[tuple[list[str], bool]]:
    """Return the commands of a page as words, and whether one is whole.

    In a line of text it may be a name alone, such as `madang erase`.
    """
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(SHELL.findall(text)).replace("\\\n", " ")
    told = INLINE.findall(FENCED.sub("", text))
    for lines, is_whole in ((blocks, True), ("\n".join(told), False)):
        for written in TYPED.findall(lines):
            words = shlex.split(re.sub(r" \d?>.*", "", written), comments=True)
            if words:
                yield words, is_whole
